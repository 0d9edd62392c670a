// oauth4webapi as a service provider, call by call: see judge.mjs.
import * as oauth from 'oauth4webapi';
import { compactDecrypt } from 'jose';
import { inner, own, parameters, reach, serve } from './judge.mjs';

// party is what each call of one client needs.
async function party(asked, issuer) {
  const options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: reach(asked.through) };
  if (asked.decrypt) {
    const { key, alg } = await own(asked.decrypt);
    options[oauth.jweDecrypt] = async (jwe) => {
      const { plaintext } = await compactDecrypt(jwe, key, { keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: ['A256GCM'] });
      return new TextDecoder('utf-8', { fatal: true }).decode(plaintext);
    };
  }
  const at = new URL(issuer);
  return {
    options,
    as: await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, options)),
    auth: asked.assertion ? oauth.PrivateKeyJwt(await own(asked.assertion)) : oauth.ClientSecretPost(asked.client_secret),
    client: {
      client_id: asked.client_id, id_token_signed_response_alg: asked.signed, userinfo_signed_response_alg: asked.signed,
      introspection_signed_response_alg: 'ES256',
    },
  };
}

await serve(async (asked, visit) => {
  const { as, client, auth, options } = await party(asked, asked.issuer);
  if (asked.bound) options.DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
  const verifier = oauth.generateRandomCodeVerifier();
  const [nonce, state] = [oauth.generateRandomNonce(), oauth.generateRandomState()];
  let request = new URLSearchParams({
    ...parameters(asked), client_id: client.client_id, nonce, state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  if (asked.object) {
    request = new URLSearchParams({ client_id: client.client_id, request: await oauth.issueRequestObject(as, client, request, await own(asked.object)) });
  }
  if (asked.pushed) {
    const answer = await oauth.pushedAuthorizationRequest(as, client, auth, request, options);
    const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, answer);
    request = new URLSearchParams({ client_id: client.client_id, request_uri });
  }
  const callback = await visit(`${as.authorization_endpoint}?${request}`);

  const code = oauth.validateAuthResponse(as, client, callback, state);
  const answer = await oauth.authorizationCodeGrantRequest(as, client, auth, code, asked.redirect_uri, verifier, options);
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, { ...options, expectedNonce: nonce, requireIdToken: true });
  await oauth.validateApplicationLevelSignature(as, answer, options);
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  const info = async () => {
    const response = await oauth.userInfoRequest(as, client, tokens.access_token, options);
    const userinfo = await oauth.processUserInfoResponse(as, client, claims.sub, response, options);
    await oauth.validateApplicationLevelSignature(as, response, options);
    return userinfo;
  };
  const out = { claims, userinfo: await info(), type: tokens.token_type };
  if (asked.provider) {
    const dp = await party(asked.provider, asked.issuer);
    const told = await oauth.introspectionRequest(dp.as, dp.client, dp.auth, tokens.access_token, dp.options);
    out.introspected = await oauth.processIntrospectionResponse(dp.as, dp.client, told, dp.options);
    await oauth.validateApplicationLevelSignature(dp.as, told, dp.options);
  }
  if (asked.left) {
    out.leave = `${as.end_session_endpoint}?${new URLSearchParams({
      id_token_hint: await inner(tokens.id_token, asked.decrypt), post_logout_redirect_uri: asked.left, state: 'leaving',
    })}`;
  }
  if (asked.revoke) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, tokens.access_token, options));
    out.revoked = await info().then(() => 'still good', (e) => String(e.cause?.[0]?.parameters?.error ?? e.message));
  }
  return out;
});
