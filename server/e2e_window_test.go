package main_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// display is an X server of the test's own, whose picture is a file.
type display struct {
	name, picture string
	program       *process
}

// needDisplay starts one, or skips.
func needDisplay(t *testing.T) *display {
	t.Helper()
	for _, name := range []string{"Xvfb", "xdotool"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("skipped: no %s (.ci/deps)", name)
		}
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "Xvfb",
		"-displayfd", "1", "-screen", "0", "640x900x24", "-nolisten", "tcp", "-fbdir", dir)
	p := launch(t, cmd, true)
	return &display{":" + strings.TrimSpace(p.until(t, "")), filepath.Join(dir, "Xvfb_screen0"), p}
}

// window is the companion's window, and the hands on its keyboard.
type window struct {
	*process
	display *display
	id      string
	close   context.CancelFunc
	known   map[[32]byte]bool // pages that were seen
}

// window opens it, as the citizen's desktop does: no secret is in what it is told.
func (c *citizen) window(t *testing.T, d *display) *window {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	settings := t.TempDir()
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "pivot"))
	cmd.Env = append(os.Environ(), c.demo.Session(c.reader, c.persona)...)
	cmd.Env = append(cmd.Env, "PIVOT_HOME="+c.home, "PIVOT_PIN=", "PIVOT_CAN=", "LC_ALL=", "LC_MESSAGES=", "LANG=fr_FR.UTF-8",
		"DISPLAY="+d.name, "WAYLAND_DISPLAY=", "LIBGL_ALWAYS_SOFTWARE=1", "FYNE_SCALE=1", "FYNE_THEME=light",
		"XDG_CONFIG_HOME="+settings, "XDG_CACHE_HOME="+settings, "XDG_RUNTIME_DIR="+settings,
		"DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(settings, "none"))
	w := &window{launch(t, cmd, false), d, "", cancel, map[[32]byte]bool{}}
	t.Cleanup(cancel)
	w.id = w.appears(t)
	w.do(t, "windowfocus", "--sync", w.id) // there is no window manager to do it
	return w
}

// appears waits for the window itself. Where nothing can draw it, the program says so, and the test is skipped.
func (w *window) appears(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	search := launch(t, w.display.hands(ctx, "search", "--sync", "--onlyvisible", "--name", "^Pivot$"), true)
	for {
		select {
		case line, more := <-w.lines:
			if strings.Contains(line, "GLX: ") {
				t.Skipf("skipped: no driver of Mesa that draws without a graphics card (.ci/deps): %s", line)
			}
			if more {
				continue
			}
		case <-search.ended:
			if out, _ := search.said(); search.code == 0 {
				return strings.TrimSpace(out)
			}
		}
		_, errs := w.said()
		t.Fatalf("no window:\n%s", errs)
	}
}

// hands is a command to the keyboard.
func (d *display) hands(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = append(os.Environ(), "DISPLAY="+d.name)
	return cmd
}

func (w *window) do(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := w.display.hands(ctx, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("xdotool %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// keys presses keys, one after another.
func (w *window) keys(t *testing.T, keys ...string) {
	t.Helper()
	w.do(t, append([]string{"key", "--delay", "20"}, keys...)...)
}

// types types, and presses Enter.
func (w *window) types(t *testing.T, text string) {
	t.Helper()
	w.do(t, "type", "--delay", "20", text)
	w.keys(t, "Return")
}

// Colours of the window: what most people came for, and the ring around what has the focus.
const (
	colourMain = 0x0c5a58
	colourRing = 0xb35c00
)

// view is what there is to see of a page.
type view struct {
	title       [32]byte // digest of its picture, from the top of the window to below the title
	main        bool     // there is a button for what most people came for: the page waits for the citizen
	foot        bool     // and it is at the foot of the window
	left, right bool     // the button of that side of the foot has the focus
}

// looks looks at the window once.
func (w *window) looks(t *testing.T) view {
	t.Helper()
	var id, x, y, width, height, screen int
	shape := strings.Join(strings.Fields(w.do(t, "getwindowgeometry", "--shell", w.id)), " ")
	if _, err := fmt.Sscanf(shape, "WINDOW=%d X=%d Y=%d WIDTH=%d HEIGHT=%d SCREEN=%d", &id, &x, &y, &width, &height, &screen); err != nil {
		t.Fatalf("%v: %s", err, shape)
	}
	dump, err := os.ReadFile(w.display.picture)
	if err != nil {
		t.Fatal(err)
	}
	at, err := pixels(dump)
	if err != nil {
		t.Fatal(err)
	}
	count := func(colour uint32, left, top, right, bottom int) (n int) {
		for i := y + top; i < y+bottom; i++ {
			for j := x + left; j < x+right; j++ {
				if at(j, i) == colour {
					n++
				}
			}
		}
		return n
	}
	var title bytes.Buffer
	for i := y; i < y+height/6; i++ {
		for j := x; j < x+width; j++ {
			_ = binary.Write(&title, binary.BigEndian, at(j, i))
		}
	}
	// A button is some thousands of pixels, a ring more than any icon has of its colour.
	foot := height - height/8
	return view{
		title: sha256.Sum256(title.Bytes()),
		main:  count(colourMain, 0, 0, width, height) > 4000,
		foot:  count(colourMain, 0, foot, width, height) > 2500,
		left:  count(colourRing, 0, foot, width/2, height) > 500,
		right: count(colourRing, width/2, foot, width, height) > 500,
	}
}

// pixels reads a picture in the format of xwd: colours by column and row; 0 outside.
func pixels(dump []byte) (func(x, y int) uint32, error) {
	var header [25]uint32
	if err := binary.Read(bytes.NewReader(dump), binary.BigEndian, &header); err != nil {
		return nil, err
	}
	width, height, line := int(header[4]), int(header[5]), int(header[12])
	from := int(header[0]) + 12*int(header[19]) // behind the header and the colour map
	if header[1] != 7 || header[11] != 32 || line < 4*width || len(dump) < from+height*line {
		return nil, errors.New("not a picture of 32 bits a pixel")
	}
	var order binary.ByteOrder = binary.LittleEndian
	if header[7] == 1 {
		order = binary.BigEndian
	}
	return func(x, y int) uint32 {
		if x < 0 || y < 0 || x >= width || y >= height {
			return 0
		}
		return order.Uint32(dump[from+y*line+4*x:]) & 0xffffff
	}, nil
}

// sees waits until the window looks as it should, and no more changes: the same twice.
func (w *window) sees(t *testing.T, what string, as func(view) bool) view {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(40 * time.Millisecond) // how often it is looked at
	defer tick.Stop()
	for before := w.looks(t); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the window does not show %s: %+v", what, before)
		case <-w.ended:
			_, errs := w.said()
			t.Fatalf("the window closed before it showed %s:\n%s", what, errs)
		}
		now := w.looks(t)
		if now == before && as(now) {
			return now
		}
		before = now
	}
}

// turns waits for another page than those before, at whose foot the citizen is asked to go on.
func (w *window) turns(t *testing.T, what string) view {
	t.Helper()
	v := w.sees(t, what, func(v view) bool { return v.foot && !w.known[v.title] })
	w.known[v.title] = true
	return v
}

// TestWindow has a person log in with the window and a keyboard, and nothing else.
func TestWindow(t *testing.T) {
	t.Parallel()
	needPrograms(t)
	d := needDisplay(t)
	c := newWorld(t).open(t).citizen(t, "genuine").paired(t)
	w := c.window(t, d)
	w.known[w.sees(t, "how things stand", func(v view) bool { return v.main && !v.foot }).title] = true

	browser, page := c.begin(t, "eidas3")
	link, err := url.Parse(page.link())
	if err != nil {
		t.Fatal(err)
	}
	code := link.Query().Get("start")
	w.keys(t, "Return")
	w.turns(t, "where the code is typed")
	w.types(t, strings.ToLower(code[:4]+"-"+code[4:8]+"-"+code[8:]))
	rest := browser.resting(t, page) // through the hop, and until the login goes on

	request := w.turns(t, "who asks for what")
	if !request.left || request.right {
		t.Errorf("refusing has not the focus: %+v", request)
	}
	same := func(v view) bool { return v.title == request.title && v.foot }
	approve := func(v view) bool { return same(v) && v.right && !v.left }
	w.keys(t, "Tab")
	w.sees(t, "the focus on approving", approve)
	// Whoever leans on Enter, for longer than a page that comes up takes no answer, approves nothing.
	w.keys(t, strings.Fields(strings.Repeat("Return ", 40))...)
	w.keys(t, "shift+Tab")
	w.sees(t, "the same request after Enter, the focus on refusing", func(v view) bool { return same(v) && v.left && !v.right })
	w.keys(t, "Tab")
	w.sees(t, "the focus on approving again", approve)
	w.keys(t, "space")

	card, _ := c.demo.Card(c.persona)
	w.turns(t, "where the secret code is typed")
	w.types(t, card.PIN)
	w.turns(t, "where the access number is typed")
	w.types(t, card.CAN)

	browser.open(t, browser.consent(t, rest()).at.String()) // in at the door
	var got struct{ ACR, Sub string }
	if claims := browser.open(t, c.demo.SP[0].URL+"claims.json"); json.Unmarshal([]byte(claims.body), &got) != nil || got.ACR != "eidas3" || got.Sub == "" {
		t.Errorf("the service provider got %s", claims)
	}
	w.sees(t, "that it is done", func(v view) bool { return v.foot && !w.known[v.title] })
	w.close()
	ended := w.wait(t)
	out, errs := w.said()
	if ended != 0 || strings.Contains(out+errs, card.PIN) || strings.Contains(out+errs, card.CAN) {
		t.Errorf("exit code %d, said\n%s%s", ended, out, errs)
	}
}
