package cookie

// A Size says which servers take the cookies of a session.
type Size int

const (
	Fits        Size = iota
	LongAnswer       // nginx by default does not pass on the answer that sets them
	LongRequest      // not every server takes them in a request
	TooLong          // hardly any does
)

const (
	// bufferedSession is how long, in bytes, the cookies of a session may be that nginx
	// passes on: by default it takes 4 KB for all header lines of an answer.
	bufferedSession = 3000
	// LargeSession is how long, in bytes, they may be in requests. With the site's other
	// cookies they must pass the 8 KB that nginx and Apache take for one header line.
	LargeSession = 7 << 10
	// MaxSent is the most: HAProxy and Node.js take 16 KB for all header lines.
	MaxSent = 16 << 10
	// sealing is what a token has around its claims, in bytes.
	sealing = 120
)

// Sealed is how many bytes of a request's Cookie header the session token called name
// takes, with claims of this length sealed in it, and which servers take that.
func Sealed(name string, claims int) (bytes int, size Size) {
	bytes = SentLength(name, sealing+(claims*4+2)/3)
	switch {
	case bytes <= bufferedSession:
		size = Fits
	case bytes > MaxSent:
		size = TooLong
	case bytes <= LargeSession:
		size = LongAnswer
	default:
		size = LongRequest
	}
	return bytes, size
}

// Unseen are the cookies that a session of at most so many bytes may have left in a
// browser, for a request that brings no cookies. A chunk that stayed beside a new token's
// would spoil both.
func Unseen(name string, longest int) Session {
	names := []string{name + "="}
	for i := range (longest + ChunkSize - 1) / ChunkSize {
		names = append(names, name+"."+itoa(int64(i))+"=")
	}
	unseen := Find(names, name)
	unseen.Doubled = false
	return unseen
}
