package handoff

import "strings"

// DesktopFile names the file of [DesktopEntry] in the folder `applications` of a user's data ($XDG_DATA_HOME).
const DesktopFile = "pivot.desktop"

// DesktopEntry gives the text of the desktop entry that makes the program at path, absolute, open the links `pivot:` (Desktop
// Entry Specification 1.5, shared MIME types x-scheme-handler). Windows and macOS register schemes in their own installers.
func DesktopEntry(path string) string {
	return strings.Join([]string{
		"[Desktop Entry]",
		"Type=Application",
		"Version=1.5",
		"Name=Pivot",
		"Comment=Prove who you are with your identity card",
		"Comment[fr]=Prouvez votre identité avec votre carte",
		"Exec=" + quoted(path) + " open %u",
		"Icon=pivot",
		"Terminal=false",
		"Categories=Utility;Security;",
		"MimeType=x-scheme-handler/pivot;",
		"StartupNotify=true",
		"",
	}, "\n")
}

// quoted writes an argument of Exec: quoted, then escaped once more as every string of an entry is; % begins a field code.
func quoted(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(s)
	s = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "%", "%%").Replace(s)
	return `"` + s + `"`
}
