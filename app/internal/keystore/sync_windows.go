package keystore

// syncFolder does nothing: Windows gives no handle of a folder to synchronise, and its file system journals the rename.
func syncFolder(string) error { return nil }
