package main

import (
	"encoding/json"
	"testing"
)

// These tests describe what the plugin does now. Change them together with it.

// play has Host answer with a reply in JSON.
func play(t *testing.T, reply string) {
	before := Host
	t.Cleanup(func() { Host = before })
	Host = func(function string, request []byte) ([]byte, error) { return []byte(reply), nil }
}

func look(t *testing.T, config string) (evidence Evidence) {
	if err := json.Unmarshal(Answer([]byte(config)), &evidence); err != nil {
		t.Fatal(err)
	}
	return evidence
}

func TestAVariableThatIsSet(t *testing.T) {
	play(t, `{"is_set":true,"value":"/somewhere"}`)
	evidence := look(t, `{"variable":"HOME"}`)
	if !evidence.Status || evidence.Data["value"] != "/somewhere" {
		t.Fatalf("not what this test expects of a variable that is set: %+v", evidence)
	}
}

func TestADenialIsPassedOn(t *testing.T) {
	play(t, `{"error":{"type":"capability","message":"no","code":"EACCES"}}`)
	evidence := look(t, `{}`)
	if evidence.Status || evidence.Error == nil || evidence.Error.Type != "capability" {
		t.Fatalf("the error of the host was not passed on: %+v", evidence)
	}
}

func TestAWrongConfig(t *testing.T) {
	if evidence := look(t, `{"variable":7}`); evidence.Error == nil || evidence.Error.Type != "config" {
		t.Fatalf("a config of the wrong type was taken: %+v", evidence)
	}
}
