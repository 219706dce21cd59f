package factor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ginauth/ginauth/internal/otp"
	"github.com/ginauth/ginauth/internal/token"
)

const (
	// version is of the encoding. A process of another one must not change a record that
	// it does not understand, and must not take it for none.
	version = 1
	// TellAfter is after how many wrong codes the person is told: somebody else who has
	// passed the first factor may be guessing.
	TellAfter = 5
	// OffAfter is after how many wrong codes without a right one the codes are off. Three
	// of a million codes are right at a time: to slow a guesser alone would give even
	// odds within months.
	OffAfter = 100
	// maxSpent bounds the sign-ins whose end is remembered. Each took a code or a
	// recovery code, of which there are fewer in their lifetime.
	maxSpent = 64
)

// A Record is what is kept of one user's second factors. It is secret.
type Record struct {
	OTP      *OTP     `json:"otp,omitempty"`
	Recovery []string `json:"recovery,omitempty"` // hashes of the codes that are left
	// Epoch names this state of the factors. It is random, and another one after each
	// change of them: what was issued in a former state ends.
	Epoch string  `json:"epoch,omitempty"`
	Spent []spent `json:"spent,omitempty"`
}

// OTP are the one-time passwords of an authenticator app.
type OTP struct {
	Secret []byte `json:"secret"`
	Added  int64  `json:"added"`           // Unix seconds
	Step   int64  `json:"step"`            // of the last code that was right
	Wrong  int    `json:"wrong,omitempty"` // codes since then
}

// spent is a sign-in that was finished.
type spent struct {
	ID    string `json:"id"`
	Until int64  `json:"until"` // Unix seconds
}

// Off reports whether no code counts any more, since too many were wrong.
func (o *OTP) Off() bool { return o.Wrong >= OffAfter }

var errRecord = errors.New("factor: the record of a user's second factors cannot be read")

// Parse reads a record; of none it makes an empty one.
func Parse(data []byte) (*Record, error) {
	if data == nil {
		return &Record{}, nil
	}
	var kept struct {
		Version int `json:"v"`
		*Record
	}
	kept.Record = &Record{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&kept); err != nil {
		return nil, errRecord
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errRecord
	}
	if kept.Version != version || kept.Record == nil {
		return nil, fmt.Errorf("%w: it has the version %d, and this process knows %d", errRecord, kept.Version, version)
	}
	if o := kept.OTP; o != nil && (len(o.Secret) == 0 || o.Wrong < 0) {
		return nil, errRecord
	}
	return kept.Record, nil
}

// Bytes is the record as it is kept.
func (r *Record) Bytes() ([]byte, error) {
	return json.Marshal(struct {
		Version int `json:"v"`
		*Record
	}{version, r})
}

// Enrolled reports whether the user has a second factor.
func (r *Record) Enrolled() bool { return r.OTP != nil }

// Since is when the authenticator app was added; zero: there is none.
func (r *Record) Since() time.Time {
	if r.OTP == nil {
		return time.Time{}
	}
	return time.Unix(r.OTP.Added, 0)
}

// Change begins another epoch.
func (r *Record) Change() { r.Epoch = token.NewID() }

// AddOTP adds an authenticator app, of which one code was right, with new recovery codes.
func (r *Record) AddOTP(secret []byte, step int64, recovery []string, now time.Time) {
	r.OTP = &OTP{Secret: secret, Added: now.Unix(), Step: step}
	r.Recovery = recovery
	r.Change()
}

// RemoveOTP takes the authenticator app away, and the recovery codes, which stand in for
// it.
func (r *Record) RemoveOTP() {
	r.OTP, r.Recovery = nil, nil
	r.Change()
}

// ReplaceRecovery puts other recovery codes in the place of those that are left.
func (r *Record) ReplaceRecovery(hashes []string) {
	r.Recovery = hashes
	r.Change()
}

// TakeBack puts the app and the codes of before in the place of those that a change wrote,
// unless others are there by now.
func (r *Record) TakeBack(wrote, before *Record) {
	if r.OTP.same(wrote.OTP) && slices.Equal(r.Recovery, wrote.Recovery) {
		r.OTP, r.Recovery = before.OTP, before.Recovery
		r.Change()
	}
}

// same reports whether two apps have the same key, or neither is one.
func (o *OTP) same(other *OTP) bool {
	if o == nil || other == nil {
		return o == other
	}
	return bytes.Equal(o.Secret, other.Secret)
}

// A Result is what a code was.
type Result int

// What a code may be.
const (
	Wrong Result = iota
	Right
	WrongTell // the one after which the person is told
	WrongOff  // the one after which no code counts
	Off       // none counts
)

// TryOTP counts a code.
func (r *Record) TryOTP(typed string, now time.Time) Result {
	if r.OTP == nil || r.OTP.Off() {
		return Off
	}
	if step, ok := otp.Verify(r.OTP.Secret, typed, now, r.OTP.Step); ok {
		r.OTP.Step, r.OTP.Wrong = step, 0
		return Right
	}
	r.OTP.Wrong++
	switch r.OTP.Wrong {
	case TellAfter:
		return WrongTell
	case OffAfter:
		return WrongOff
	}
	return Wrong
}

// Proved says that another factor was given, so that codes count again.
func (r *Record) Proved() {
	if r.OTP != nil {
		r.OTP.Wrong = 0
	}
}

// TryRecovery uses a recovery code up. It begins another epoch: a person who needs one
// may have lost the device.
func (r *Record) TryRecovery(userID, typed string) Result {
	i := find(r.Recovery, userID, typed)
	if i < 0 {
		return Wrong
	}
	r.Recovery = slices.Delete(slices.Clone(r.Recovery), i, i+1)
	r.Proved()
	r.Change()
	return Right
}

// Spend marks a sign-in as finished, and reports whether it was not so yet.
func (r *Record) Spend(id string, until, now time.Time) bool {
	r.Spent = slices.DeleteFunc(slices.Clone(r.Spent), func(s spent) bool { return s.Until <= now.Unix() })
	if id == "" || len(r.Spent) >= maxSpent || slices.ContainsFunc(r.Spent, func(s spent) bool { return s.ID == id }) {
		return false
	}
	r.Spent = append(r.Spent, spent{id, until.Unix()})
	return true
}

// Finish marks a sign-in as finished that began in an epoch, and reports whether it still
// may be: the factors are those of that epoch, and it was not finished yet.
func (r *Record) Finish(id, epoch string, until, now time.Time) bool {
	return r.Epoch == epoch && r.Spend(id, until, now)
}
