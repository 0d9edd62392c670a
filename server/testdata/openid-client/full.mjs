// openid-client as a service provider that uses all of it: see judge.mjs.
import * as client from 'openid-client';
import { inner, own, parameters, reach, serve } from './judge.mjs';

async function configure(asked, issuer) {
  const auth = asked.assertion ? client.PrivateKeyJwt(await own(asked.assertion)) : client.ClientSecretPost(asked.client_secret);
  const config = await client.discovery(new URL(issuer), asked.client_id, {
    id_token_signed_response_alg: asked.signed, userinfo_signed_response_alg: asked.signed, introspection_signed_response_alg: 'ES256',
  }, auth, {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks], // http: the issuer is on loopback
    [client.customFetch]: reach(asked.through),
  });
  if (asked.decrypt) client.enableDecryptingResponses(config, ['A256GCM'], await own(asked.decrypt));
  return config;
}

await serve(async (asked, visit) => {
  const config = await configure(asked, asked.issuer);
  const DPoP = asked.bound ? client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) : undefined;
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedNonce, expectedState] = [client.randomNonce(), client.randomState()];
  const request = {
    ...parameters(asked), nonce: expectedNonce, state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256',
  };
  let url = client.buildAuthorizationUrl(config, request);
  if (asked.object) url = await client.buildAuthorizationUrlWithJAR(config, request, await own(asked.object));
  if (asked.pushed) url = await client.buildAuthorizationUrlWithPAR(config, url.searchParams, { DPoP });

  const tokens = await client.authorizationCodeGrant(config, await visit(url.href), {
    expectedNonce, expectedState, pkceCodeVerifier, idTokenExpected: true,
  }, undefined, { DPoP });
  const claims = tokens.claims();
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP });
  const out = { claims, userinfo, type: tokens.token_type };
  if (asked.provider) {
    out.introspected = await client.tokenIntrospection(await configure(asked.provider, asked.issuer), tokens.access_token);
  }
  if (asked.left) {
    out.leave = client.buildEndSessionUrl(config, {
      id_token_hint: await inner(tokens.id_token, asked.decrypt), post_logout_redirect_uri: asked.left, state: 'leaving',
    }).href;
  }
  if (asked.revoke) {
    await client.tokenRevocation(config, tokens.access_token);
    out.revoked = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP }).then(() => 'still good', (e) => String(e.cause?.[0]?.parameters?.error ?? e.message));
  }
  return out;
});
