package plain

// Text reads a member of an answer, or of an object in it, that should be text.
// What is of another type is not guessed at: a number made text could be
// somebody else's subject.
func Text(answer map[string]any, path ...string) string {
	for i, name := range path {
		if i == len(path)-1 {
			text, _ := answer[name].(string)
			return text
		}
		answer, _ = answer[name].(map[string]any)
	}
	return ""
}

// Object reads a member of an answer that should be an object. The result may be
// nil, which reads as an empty one.
func Object(answer map[string]any, name string) map[string]any {
	object, _ := answer[name].(map[string]any)
	return object
}
