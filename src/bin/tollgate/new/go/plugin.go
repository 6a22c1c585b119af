// The plugin {{name}}: is a variable of the environment set, and to what?
package main

import "encoding/json"

func init() {
	plugin = Plugin{
		Info: Info{
			Name:         "{{name}}",
			Version:      "0.1.0",
			Description:  "Is a variable set?",
			Capabilities: []Capability{{Kind: "env", Pattern: "HOME"}},
		},
		Schema: map[string]any{
			"type":                 "object",
			"additionalProperties": false,
			"properties": map[string]any{
				"variable": map[string]any{
					"type":        "string",
					"default":     "HOME",
					"description": "The variable to look at",
				},
			},
		},
		Observe: observe,
	}
}

func observe(text []byte) (Evidence, error) {
	config := struct {
		Variable string `json:"variable"`
	}{"HOME"}
	if err := json.Unmarshal(text, &config); err != nil {
		return Evidence{}, &Detail{Type: "config", Message: err.Error()}
	}
	value, isSet, err := Env(config.Variable)
	if err != nil {
		return Evidence{}, err
	}
	Log("INFO", config.Variable)
	return Evidence{Status: isSet, Data: map[string]any{
		"variable": config.Variable,
		"is_set":   isSet,
		"value":    value,
	}}, nil
}
