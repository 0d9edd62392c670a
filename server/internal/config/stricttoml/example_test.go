package stricttoml_test

import (
	"fmt"

	"pivot/server/internal/config/stricttoml"
)

// A document is a struct whose tags are its reference.
type boat struct {
	Name  string `toml:"name" required:"" help:"what is painted on it"`
	Sails int64  `toml:"sails" default:"2" range:"1..5" help:"how many it can set"`
	Rig   string `toml:"rig" default:"sloop" oneof:"sloop ketch" help:"how they are set"`
}

func ExampleDecode() {
	b, report, err := stricttoml.Decode[boat]("boat.toml", []byte("name = \"Armor\"\n"))
	if err != nil || report.Err() != nil {
		fmt.Println("refused")
	}
	fmt.Println(b.Name, b.Sails, b.Rig)
	// Output: Armor 2 sloop
}

// Two keys that nobody knows are told at once, and where they are.
func ExampleDecode_unknown() {
	_, _, err := stricttoml.Decode[boat]("boat.toml", []byte("name = \"Armor\"\nsail = 3\n\n[crew]\n"))
	fmt.Println(err)
	// Output:
	// boat.toml:2:1: sail: unknown key; sails is one that exists
	// boat.toml:4:2: crew: unknown key
}

// What only the caller can judge joins what the tags refuse.
func ExampleReport_Refuse() {
	b, report, err := stricttoml.Decode[boat]("boat.toml", []byte("name = \"Armor\"\nsails = 9\nrig = \"ketch\"\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if b.Rig == "ketch" {
		report.Refuse("rig", "no ketch enters this harbour")
	}
	fmt.Println(report.Err())
	// Output:
	// boat.toml:2:1: sails: want integer from 1 to 5: how many it can set
	// boat.toml:3:1: rig: no ketch enters this harbour
}

func ExampleExplain() {
	fmt.Print(stricttoml.Explain[boat]())
	// Output:
	// name (string, required)
	//     what is painted on it
	//
	// sails (integer from 1 to 5, default 2)
	//     how many it can set
	//
	// rig (sloop | ketch, default "sloop")
	//     how they are set
}
