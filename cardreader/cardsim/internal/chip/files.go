package chip

import (
	"slices"

	"pivot/cardreader/cardsim/internal/secure"
	"pivot/shared/apdu"
	"pivot/shared/tlv"
)

// application is the AID of the eMRTD application (ICAO 9303-10 §3.9).
const application = "\xA0\x00\x00\x02\x47\x10\x01"

const masterFile FID = 0x3F00

// selectFile serves SELECT by application, by file or of the master file, without a response (P2 = 0C).
func (c *Chip) selectFile(cmd apdu.Command) apdu.Status {
	if cmd.P2 != 0x0C {
		return wrongP1P2
	}
	switch cmd.P1 {
	case 0x04:
		if string(cmd.Data) != application {
			return notFound
		}
		c.app, c.current = true, nil
		return ok
	case 0x02:
		if len(cmd.Data) != 2 {
			return wrongData
		}
		file, sw := c.open(FID(cmd.Data[0])<<8 | FID(cmd.Data[1]))
		if sw == ok {
			c.current = file
		}
		return sw
	case 0x00:
		return c.selectMaster(cmd.Data)
	}
	return wrongP1P2
}

func (c *Chip) selectMaster(id []byte) apdu.Status {
	if !c.conf.Master {
		return wrongP1P2 // a card without master file
	}
	if len(id) != 0 && (len(id) != 2 || FID(id[0])<<8|FID(id[1]) != masterFile) {
		return notFound
	}
	c.app, c.current = false, nil
	return ok
}

// open finds a file and judges whether it may be read now.
func (c *Chip) open(id FID) ([]byte, apdu.Status) {
	c.out.File = id
	file, found := c.conf.Files[id]
	switch {
	case id == CardAccess && found:
		return file, ok
	case c.session == nil:
		return nil, denied // nothing else before PACE, and not even whether it exists
	case !c.app:
		return nil, notFound
	case slices.Contains(c.conf.Sealed, id):
		return nil, denied
	case !found:
		return nil, notFound
	}
	return file, ok
}

// readBinary serves READ BINARY with an offset in the current file, or with a short identifier, which selects it.
func (c *Chip) readBinary(cmd apdu.Command, room int) ([]byte, apdu.Status) {
	if len(cmd.Data) != 0 || cmd.Ne == 0 {
		return nil, wrongLength
	}
	offset := int(cmd.P1)<<8 | int(cmd.P2)
	if cmd.P1&0x80 != 0 {
		if cmd.P1&0x60 != 0 {
			return nil, wrongP1P2
		}
		file, sw := c.open(0x0100 | FID(cmd.P1&0x1F))
		if sw != ok {
			return nil, sw
		}
		c.current, offset = file, int(cmd.P2)
	}
	return c.read(offset, cmd.Ne, room)
}

// readBinaryOdd serves READ BINARY with an odd instruction byte: the offset in a DO 54, the data in a DO 53, for
// what lies beyond 32767 (ISO/IEC 7816-4 §11.2.3).
func (c *Chip) readBinaryOdd(cmd apdu.Command, room int) ([]byte, apdu.Status) {
	cur := tlv.DER(cmd.Data)
	value, err := cur.Read(0x54)
	if err != nil || cur.End() != nil || len(value) == 0 || len(value) > 3 {
		return nil, wrongData
	}
	offset := 0
	for _, b := range value {
		offset = offset<<8 | int(b)
	}
	if id := FID(cmd.P1)<<8 | FID(cmd.P2); id != 0 {
		if id < 0x20 {
			id |= 0x0100
		}
		file, sw := c.open(id)
		if sw != ok {
			return nil, sw
		}
		c.current = file
	}
	const header = 4 // of the DO 53
	if cmd.Ne <= header || room <= header {
		return nil, wrongLength
	}
	data, sw := c.read(offset, cmd.Ne-header, room-header)
	if len(data) == 0 {
		return nil, sw
	}
	return tlv.Append(nil, 0x53, data), sw
}

// read returns at most ne bytes of the current file, and at most room. Asking for 256 or 65536 bytes asks for what
// there is; asking for another number past the end is answered with the warning 6282.
func (c *Chip) read(offset, ne, room int) ([]byte, apdu.Status) {
	q := c.conf.Quirks
	switch {
	case q.Refuse256 != 0 && ne == 256:
		return nil, q.Refuse256
	case c.current == nil:
		return nil, noCurrentFile
	case offset >= len(c.current):
		return nil, wrongOffset
	}
	rest := c.current[offset:]
	n := min(len(rest), ne, room)
	if q.ReadLimit > 0 {
		n = min(n, q.ReadLimit)
	}
	atEnd := n == len(rest)
	if atEnd && (q.EndWarning || ne > n && ne != 256 && ne != 65536) {
		return rest[:n], endOfFile
	}
	return rest[:n], ok
}

// old answers a command under the Chip Authentication keys as a clone would that has recorded another session: well
// formed, about the right file, under keys that died long ago.
func (c *Chip) old(cmd apdu.Command) Outcome {
	recorded := secure.NewSession(c.conf.CA.KeyLen, []byte("TEST recorded session"))
	c.out.Operation = Read
	file := c.conf.Files[0x0100|FID(cmd.P1&0x1F)]
	data := file[:min(len(file), secure.Room(min(cmd.Ne, 65533)))]
	c.out.Response = recorded.Wrap(data, ok, false)
	return c.out
}
