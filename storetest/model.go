package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/ginauth/ginauth"
)

const (
	// modelWorkers change the store at once, each with users of its own.
	modelWorkers = 4
	modelUsers   = 3
	modelSteps   = 150
)

// Several callers do at random what a store can do, each with its own users. None sees
// anything except what it did itself.
func testModel(s suite) {
	seed := rand.Uint64()
	s.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for worker := range modelWorkers {
		wg.Go(func() {
			m := &model{suite: s, random: rand.New(rand.NewPCG(seed, uint64(worker)))}
			for i := range modelUsers {
				m.names = append(m.names, s.user(fmt.Sprint(worker, " ", i)))
			}
			for step := 0; step < modelSteps && !s.Failed(); step++ {
				m.step()
			}
			for _, name := range m.names {
				m.checkList(name)
			}
			for _, one := range m.sessions {
				m.holds("in the end", one.handle, one.data)
			}
		})
	}
	wg.Wait()
}

// A model is what a store must hold of some users.
type model struct {
	suite
	random   *rand.Rand
	names    []string
	sessions []*modelled
	written  int
}

// A modelled session has data, or none once it has ended.
type modelled struct {
	user, handle string
	data         []byte
}

// data makes up data that were never written before.
func (m *model) data() []byte {
	m.written++
	return fmt.Appendf(nil, `{"claims":{"n":%d,"x":"%0*d"}}`, m.written, 1+m.random.IntN(3000), 0)
}

func (m *model) step() {
	user := m.names[m.random.IntN(len(m.names))]
	if len(m.sessions) == 0 || m.random.IntN(4) == 0 {
		one := &modelled{user: user, data: m.data()}
		one.handle = m.create(user, one.data)
		m.sessions = append(m.sessions, one)
		return
	}
	one := m.sessions[m.random.IntN(len(m.sessions))]
	gone := ginauth.ErrNotFound
	if one.data != nil {
		gone = nil
	}
	switch m.random.IntN(8) {
	case 0:
		m.is("Delete", m.Delete(m.Context(), one.handle), nil)
		one.data = nil
	case 1, 2:
		data := m.data()
		next, err := m.Update(m.Context(), one.handle, data, hour())
		m.is("Update", err, gone)
		if err == nil {
			one.handle, one.data = next, data
		}
	case 3:
		m.updateIf(one, gone)
	case 4:
		m.checkList(user)
	case 5:
		if m.users != nil && m.random.IntN(3) == 0 {
			m.is("DeleteUser", m.users.DeleteUser(m.Context(), user), nil)
			m.end(user)
		}
	case 6:
		m.deleteListed(one)
	default:
		m.holds("at random", one.handle, one.data)
	}
}

// updateIf replaces a session by what it holds, or by what it does not.
func (m *model) updateIf(one *modelled, gone error) {
	if m.compares == nil {
		return
	}
	old, err := m.Get(m.Context(), one.handle)
	m.is("Get", err, gone)
	want := gone
	if m.random.IntN(2) == 0 {
		old = m.data()
		if gone == nil {
			want = ginauth.ErrConflict
		}
	}
	data := m.data()
	next, err := m.compares.UpdateIf(m.Context(), one.handle, old, data, hour())
	m.is("UpdateIf", err, want)
	if err == nil {
		one.handle, one.data = next, data
	}
}

func (m *model) checkList(user string) {
	if m.users == nil {
		return
	}
	var want [][]byte
	for _, one := range m.sessions {
		if one.user == user && one.data != nil {
			want = append(want, one.data)
		}
	}
	m.lists("at random", user, want...)
}

func (m *model) end(user string) {
	for _, one := range m.sessions {
		if one.user == user {
			one.data = nil
		}
	}
}

// deleteListed ends a session by its ID, after another user has tried.
func (m *model) deleteListed(one *modelled) {
	if m.users == nil || one.data == nil {
		return
	}
	id := m.idOf(one.user, one.data)
	other := m.names[m.random.IntN(len(m.names))]
	if other != one.user {
		m.is("DeleteListed by another user", m.users.DeleteListed(m.Context(), other, id), ginauth.ErrNotFound)
	}
	m.is("DeleteListed", m.users.DeleteListed(m.Context(), one.user, id), nil)
	one.data = nil
}

const (
	// Histories are short and many: an order is looked for among all of them.
	histories  = 20
	clients    = 3
	operations = 4
)

// Several callers read, replace and delete one session at once. Whatever they saw, there
// is an order of their calls, one after the other, in which a session would have
// answered so, and in which no call comes before one that had returned by then
// (linearizability).
func testRegister(s suite) {
	seed := rand.Uint64()
	s.Logf("seed %d", seed)
	for i := range histories {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		h := &history{suite: s, initial: "0"}
		h.handle = s.create(s.user("ada"), value("0"))
		var plans [clients][]operation
		for c := range plans {
			for range operations {
				plans[c] = append(plans[c], operation{kind: kind(random.IntN(20)), wrote: fmt.Sprint(random.Uint32())})
			}
		}
		atOnce(clients, func(c int) {
			for _, op := range plans[c] {
				h.run(op)
			}
		})
		if !s.Failed() && !h.explained() {
			s.Errorf("seed %d: no order of these calls explains their results:\n%v", seed, h.done)
		}
		if s.Failed() {
			return
		}
	}
}

func value(v string) []byte { return []byte(`{"claims":"` + v + `"}`) }

// A history is what happened to one session.
type history struct {
	suite
	handle  string
	initial string
	mu      sync.Mutex
	clock   int
	done    []operation
}

type kind int

// of draws a kind of operation: few delete.
func (k kind) of(compares bool) string {
	switch {
	case k == 0:
		return "Delete"
	case k < 6:
		return "Update"
	case k < 12 && compares:
		return "UpdateIf"
	}
	return "Get"
}

// An operation is a call and what it returned: saw is "" for ErrNotFound.
type operation struct {
	kind       kind
	what       string
	old, wrote string
	saw        string
	result     error
	begun, end int
}

func (o operation) String() string {
	return fmt.Sprintf("%d-%d %s old=%q wrote=%q saw=%q %v\n", o.begun, o.end, o.what, o.old, o.wrote, o.saw, o.result)
}

func (h *history) tick() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

// run makes a call, and for UpdateIf a Get before it.
func (h *history) run(op operation) {
	op.what = op.kind.of(h.compares != nil)
	var old []byte
	if op.what == "UpdateIf" {
		read := operation{what: "Get"}
		if old = h.call(&read, nil); old == nil {
			return
		}
		op.old = read.saw
	}
	h.call(&op, old)
}

func (h *history) call(op *operation, old []byte) (data []byte) {
	op.begun = h.tick()
	switch op.what {
	case "Get":
		data, op.result = h.Get(h.Context(), h.handle)
		if op.result == nil {
			op.saw = claim(data)
		}
	case "Update":
		_, op.result = h.Update(h.Context(), h.handle, value(op.wrote), hour())
	case "UpdateIf":
		_, op.result = h.compares.UpdateIf(h.Context(), h.handle, old, value(op.wrote), hour())
	case "Delete":
		op.result = h.Delete(h.Context(), h.handle)
	}
	op.end = h.tick()
	for _, known := range []error{nil, ginauth.ErrNotFound, ginauth.ErrConflict} {
		if errors.Is(op.result, known) {
			op.result = known
			h.mu.Lock()
			defer h.mu.Unlock()
			h.done = append(h.done, *op)
			return data
		}
	}
	h.Errorf("%s: %v", op.what, op.result)
	return nil
}

// claim is what a session's data hold.
func claim(data []byte) string {
	v, _ := parse(data)
	object, _ := v.(map[string]any)
	text, _ := object["claims"].(string)
	return text
}

// apply is what a session does: it returns what it holds afterwards, "" for nothing, and
// whether that call would have returned what it did.
func (o operation) apply(holds string) (after string, ok bool) {
	found := ginauth.ErrNotFound
	if holds != "" {
		found = nil
	}
	switch o.what {
	case "Get":
		return holds, o.result == found && o.saw == holds
	case "Delete":
		return "", o.result == nil
	case "UpdateIf":
		if holds != "" && holds != o.old {
			return holds, o.result == ginauth.ErrConflict
		}
	}
	if o.result != found {
		return holds, false
	}
	if holds == "" {
		return "", true
	}
	return o.wrote, true
}

// explained looks for an order that explains the history, by depth first.
func (h *history) explained() bool {
	all := h.done
	slices.SortFunc(all, func(a, b operation) int { return a.begun - b.begun })
	type state struct {
		left  uint64 // a bit for each operation
		holds string
	}
	failed := map[state]bool{}
	var search func(s state) bool
	search = func(s state) bool {
		if s.left == 0 {
			return true
		}
		if failed[s] {
			return false
		}
		first := h.clock + 1 // what is left and ended first: nothing that began later precedes it
		for i, op := range all {
			if s.left&(1<<i) != 0 {
				first = min(first, op.end)
			}
		}
		for i, op := range all {
			if s.left&(1<<i) == 0 || op.begun > first {
				continue
			}
			if after, ok := op.apply(s.holds); ok && search(state{s.left &^ (1 << i), after}) {
				return true
			}
		}
		failed[s] = true
		return false
	}
	return search(state{1<<len(all) - 1, h.initial})
}
