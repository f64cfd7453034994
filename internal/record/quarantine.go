package record

import (
	"strconv"
)

// The headers of a record in quarantine; its key and value are the original's.
const (
	HeaderReason    = "plumbline-reason"    // from the closed list of reasons
	HeaderPath      = "plumbline-path"      // field path where reading stopped
	HeaderByte      = "plumbline-byte"      // byte offset in the value
	HeaderDetail    = "plumbline-detail"    // what was read, for people
	HeaderTopic     = "plumbline-topic"     // where the event lay
	HeaderPartition = "plumbline-partition" //
	HeaderOffset    = "plumbline-offset"    //
	HeaderTruncated = "plumbline-truncated" // the value's full length, where only its beginning is kept
)

// SetAside says why an event was set aside and where it lay.
type SetAside struct {
	Reason    string
	Path      string
	Byte      int
	Detail    string
	Topic     string
	Partition int32
	Offset    int64
}

// Header is one Kafka record header.
type Header struct {
	Key   string
	Value []byte
}

// Headers renders s as record headers.
func (s *SetAside) Headers() []Header {
	return []Header{
		{HeaderReason, []byte(s.Reason)},
		{HeaderPath, []byte(s.Path)},
		{HeaderByte, strconv.AppendInt(nil, int64(s.Byte), 10)},
		{HeaderDetail, []byte(s.Detail)},
		{HeaderTopic, []byte(s.Topic)},
		{HeaderPartition, strconv.AppendInt(nil, int64(s.Partition), 10)},
		{HeaderOffset, strconv.AppendInt(nil, s.Offset, 10)},
	}
}
