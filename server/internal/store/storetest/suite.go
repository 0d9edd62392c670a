package storetest

import (
	"testing"
)

// Run holds a store to its contract.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, s *scene)
	}{
		{"a login comes back as it was stored, at every state", testLogin},
		{"an identifier begins once", testBeginTwice},
		{"a state is left once", testStaleAdvance},
		{"what does not follow is not written", testForeignAdvance},
		{"what has expired is unknown", testExpiry},
		{"no issuer knows what another's is", testIssuers},
		{"an older epoch is unknown", testEpochs},
		{"64 at once: one begins, one advances", testRaceOfTransitions},
		{"64 at once: one spends", testRaceOfSpending},
		{"64 at once: one inserts, one updates", testRaceOfChanges},
		{"a record comes back as it was stored, at every version", testRecords},
		{"a version is left once", testStaleChange},
		{"identifiers and aliases are unique in their kind", testTaken},
		{"changes are written together, or none", testTogether},
		{"a change that is none is not written", testChangeRefused},
		{"a record that has expired is unknown, and swept", testRecordExpiry},
		{"what expires ends with its epoch, the rest lives on", testRecordEpochs},
		{"what somebody owns is listed, what expires first in front", testOwned},
		{"a transition and its changes are written together, or none", testAdvanceWith},
		{"a code is issued on means that are active, and on no others", testMeans},
		{"a record's sealed bytes belong to its version", testBoundRecords},
		{"a right is spent once, until it ends", testSpend},
		{"spent rights are remembered by the hour", testSpentGrace},
		{"a right that a restore may have lost is spent", testSpendAfterRestore},
		{"a caller that gave up writes nothing", testCancelled},
		{"no file holds anything in clear", testSealed},
		{"sealed bytes belong to their row", testBoundRows},
		{"an entry is recorded as it was", testRecord},
		{"an entry that is not one fails alone", testRecordRefused},
		{"the log verifies, and goes on to", testSequence},
		{"a checkpoint of another log is refused", testForeignCheckpoint},
		{"what has expired is swept, and said", testSweep},
		{"retention destroys what entries say", testRetention},
		{"everything survives a restart", testRestart},
		{"a closed store says so", testClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, newScene(t, open))
		})
	}
}
