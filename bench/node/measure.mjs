// How long it takes to read a session: for each cookie, in turn, in rounds.

/**
 * Reads each session once and then measures it. read gets the Cookie header at that
 * place and returns the subject, or an empty text.
 */
export async function measure(read, count, rounds, milliseconds) {
  const subjects = []
  for (let i = 0; i < count; i++) subjects.push(await read(i))

  let next = 0
  // run is how long n calls take, in nanoseconds.
  async function run(n) {
    const begun = process.hrtime.bigint()
    for (let i = 0; i < n; i++) {
      const subject = await read(next)
      if (subject !== subjects[next]) throw new Error(`read ${subject}, want ${subjects[next]}`)
      next = (next + 1) % count
    }
    return Number(process.hrtime.bigint() - begun)
  }

  const times = []
  if (rounds > 0) {
    let calls = 1
    if (milliseconds >= 10) for (let took = 0; took < 2e9; ) took += await run(500) // until the compiler is done with it
    while ((await run(calls)) < (milliseconds * 1e6) / 2) calls *= 2
    for (let i = 0; i < rounds; i++) times.push((await run(calls)) / calls)
    times.sort((a, b) => a - b)
  }
  return { subjects, nanoseconds: times[times.length >> 1] ?? 0 }
}
