// Package datasketches holds the test that Apache DataSketches for Python reads our t-digests and we read its. It needs python3 and no
// other part; the Python packages are installed once, in the user's cache.
//
//	go test -tags 'synctests integration' -count=1 ./integration/datasketches
package datasketches
