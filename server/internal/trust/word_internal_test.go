package trust

import "testing"

func TestIsTest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"CN=TEST eID-FRANCE,C=FR": true, "CN=CSCA,O=Test,C=FR": true, "CN=test-csca": true, "TEST": true,
		"CN=CSCA-FRANCE,O=Gouv,C=FR": false, "CN=Attestation": false, "CN=TESTAMENT": false, "CN=PROTEST 2": false, "": false,
	} {
		if isTest(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
