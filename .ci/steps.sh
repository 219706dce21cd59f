# shellcheck shell=bash
# What the gates share: steps with their times, and the steps that more than one
# gate takes. A gate sources it in the repository's root.

steps=()
now=''
begun=0

# step runs a command as a step of the gate and prints how long it took.
step() { # name, command, arguments
  now=$1
  begun=$SECONDS
  shift
  printf '\n== %s\n' "$now"
  "$@"
  steps+=("$(printf '%6d s  %s' $((SECONDS - begun)) "$now")")
  printf -- '-- %s: %d s\n' "$now" $((SECONDS - begun))
  now=''
}

# table prints the times of all steps, and the step that failed. It is for the trap
# at the end of a gate.
table() { # limit in minutes, optional
  printf '\n'
  if [ "${#steps[@]}" -gt 0 ]; then printf '%s\n' "${steps[@]}"; fi
  if [ -n "$now" ]; then printf '%6d s  %s: FAILED\n' $((SECONDS - begun)) "$now"; fi
  printf '%6d s  in all\n' "$SECONDS"
  if [ -n "${1-}" ] && [ "$SECONDS" -gt $(($1 * 60)) ]; then
    printf 'This gate is to take at most %d minutes on two cores.\n' "$1"
  fi
}

formatted() {
  local files
  files=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
  if [ -n "$files" ]; then
    printf 'not gofmt-clean:\n%s\n' "$files"
    return 1
  fi
}

all_modules=(. e2e bench recipes)

# modules runs a command in each of the modules.
modules() { # command, arguments
  local module
  for module in "${all_modules[@]}"; do
    (cd "$module" && "$@")
  done
}

# witnesses installs, in a tree of the repository, the npm packages whose own code is asked
# by tests what is right.
witnesses() { # directory
  local package
  for package in providers/testdata/witness internal/pages/testdata/marks gormadapter/testdata/authjs \
    internal/otp/testdata/witness passkey/testdata/simplewebauthn; do
    npm --prefix "$1/$package" ci --ignore-scripts --no-audit --no-fund
  done
}

# for_system runs a command for another system and processor, such as windows/amd64.
for_system() { # system, command, arguments
  local target=$1
  shift
  (
    export GOOS=${target%/*} GOARCH=${target#*/} CGO_ENABLED=0
    "$@"
  )
}

# fuzz runs each fuzz target for some time.
fuzz() { # time for each, as -fuzztime takes it
  local package dir targets target
  for package in $(go list ./...); do
    dir=$(go list -f '{{.Dir}}' "$package")
    targets=$(grep -hos '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' || true)
    for target in $targets; do
      fuzz_target "$target" "$1" "$package"
    done
  done
  fuzz_target FuzzParse "$1" -C bench ./http
}

# Go 1.26 sometimes fails a target because its time is over (golang/go#75804, mended in
# 1.27): then it says nothing but that, and wrote no input down.
fuzz_target() { # target, time, and go test's other arguments, -C the first of them
  local target=$1 time=$2 out directory=()
  shift 2
  if [ "$1" = -C ]; then
    directory=("$1" "$2")
    shift 2
  fi
  out=$(mktemp)
  if go "${directory[@]}" test -run '^$' -fuzz "^${target}\$" -fuzztime "$time" "$@" 2>&1 | tee "$out"; then
    rm "$out"
    return
  fi
  if [ "$(grep -A1 -e "^--- FAIL: $target " "$out" | tail -n 1)" = '    context deadline exceeded' ] && ! grep -q 'Failing input' "$out"; then
    echo "$target: its time was over, and nothing was found (golang/go#75804)"
    rm "$out"
    return
  fi
  rm "$out"
  return 1
}
