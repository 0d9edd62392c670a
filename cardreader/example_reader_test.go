package cardreader_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pivot/cardreader"
	"pivot/cardreader/pcsc"
)

// Wait for a card, then open it.
func ExampleWatch() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for event, err := range cardreader.Watch(ctx) {
		if err != nil {
			fmt.Println(err) // built without PC/SC
			return
		}
		switch event.Kind {
		case cardreader.ServiceGone:
			fmt.Println("the smart card service is not running")
		case cardreader.ReaderAdded:
			fmt.Println("put your card in", event.Reader)
		case cardreader.CardInserted:
			card, err := cardreader.Open(ctx, event.Reader.Name)
			if errors.Is(err, pcsc.ErrSharing) {
				fmt.Println("another program is using the card")
				continue
			}
			if err != nil {
				fmt.Println(err)
				return
			}
			defer card.Close()
			fmt.Printf("card %X\n", card.ATR())
			return
		}
	}
}
