package cardsim_test

import (
	"context"
	"fmt"
	"time"

	"pivot/cardreader/cardsim"
)

// A card answers in process. In the virtual reader the same card is kept by Dial(ctx, "127.0.0.1:35963", card).
func Example() {
	pki, err := cardsim.NewPKI(time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	persona, err := cardsim.FindPersona("genuine")
	if err != nil {
		fmt.Println(err)
		return
	}
	card, err := cardsim.New(pki, persona)
	if err != nil {
		fmt.Println(err)
		return
	}
	readCardAccess := []byte{0x00, 0xB0, 0x9C, 0x00, 0x00}
	response, err := card.Transmit(context.Background(), readCardAccess)
	fmt.Printf("%x... %x %v\n", response[:2], response[len(response)-2:], err)
	// Output: 3128... 9000 <nil>
}
