package protocol

// What the models take Kafka for. Two members share a group; each has a transactional id of its own, which its restarted
// successor takes over. Nothing tells a member that it is a zombie: it goes on with what it knows until a request is refused.
//
//   - A rebalance may come at any time and give partitions to anybody; it waits for nobody, as if everybody had timed out.
//   - A commit of offsets in a transaction is refused unless it carries the current generation. It is not checked whether the
//     member owns the partitions.
//   - The end of a transaction is decided, and answered, before its markers are written. The markers in the offsets topic
//     and in each output partition come later, each at its own time.
//   - A fetch of stable offsets waits while offsets of the partition lie in an open or unmarked transaction.
//   - A reader of committed records waits at the first one whose transaction has no marker yet.
//   - An open transaction may be aborted by the coordinator at any time: by its timeout, or for the successor.

// A member's generation, seen from now: what matters of the number is only how far it is behind.
const (
	current = uint8(iota)
	previous
	older // or not a member: everything it owned counts as lost
)

// outdate is what a rebalance does to what a member knows.
func outdate(generation *uint8) { *generation = min(*generation+1, older) }

// The phases of the transaction of one transactional id.
const (
	txNone = uint8(iota)
	txOpen
	txCommitting // decided, not all markers written
	txAborting
)

// What a member knows of a partition.
const (
	notOwned = uint8(iota)
	assigned // its offset is to be fetched and its state to be restored
	owned
)

// prefix is the set of the first n of at most 8 things.
func prefix(n uint8) uint8 { return 1<<n - 1 }
