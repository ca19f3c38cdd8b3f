import Foundation
import Testing

/// `kvplan sweep` and `simulate --vary` as users meet them.
@Suite struct SweepCommandTests {
  private let temporary: TemporaryFolder
  private var folder: String { temporary.url.path }
  private var file: String { "\(folder)/s.yaml" }

  init() throws {
    temporary = try TemporaryFolder()
    let rows = (0..<30).map { "\(10 + $0),\(5 + $0)\n" }
    try write("t.csv", "prompt_tokens,output_tokens\n" + rows.joined())
    try write(
      "s.yaml",
      """
      sweep: s
      trace: t.csv
      output: out
      base: {model: opt-13b, device: a100-40gb@2023}
      axes: {block-size: [8, 16], request-rate: [1, 2]}
      seeds: 10
      """)
  }

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
  }

  @Test func fromTheExampleToTheTable() throws {
    let example = try Tool.run(["sweep", "init", "\(folder)/e.yaml", "--trace", "t.csv"])
    #expect(example.status == 0)
    let again = try Tool.run(["sweep", "init", "\(folder)/e.yaml"])
    #expect(again.status == 2 && again.errors.hasPrefix("error: `\(folder)/e.yaml` exists"))
    let dry = try Tool.run(["sweep", "run", file, "--dry-run"])
    #expect(dry.status == 0)
    #expect(
      dry.output.hasPrefix("sweep  s, results in \(folder)/out\nruns   40 of 40 combinations\n"))
    #expect(dry.output.contains("  block-size=8 request-rate=1 seed=0\n"))
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/out"))
    let shard = try Tool.shell("JOB_COMPLETION_INDEX=1 $KVPLAN sweep run \(file) --shards 2")
    #expect(shard.status == 0 && shard.errors.hasPrefix("shard 1/2: "))
    let status = try Tool.run(["sweep", "status", file, "--array"])
    #expect(status.status == 1 && status.output == "0\n")
    #expect(
      try Tool.shell("SLURM_ARRAY_TASK_ID=0 $KVPLAN sweep run \(file) --shards 2").status == 0)
    let done = try Tool.run(["sweep", "status", file])
    #expect(done.status == 0 && done.output == "40 of 40 runs are done\n")
    // Without `rsvg-convert` on the path, whatever this machine has.
    let merged = try Tool.shell("$KVPLAN sweep merge \(file)", path: folder)
    #expect(merged.status == 0)
    #expect(
      merged.errors.split(separator: "\n").sorted() == [
        "40 runs are in `\(folder)/out`",
        "note: figures are SVG only; `rsvg-convert` (librsvg2-bin) would make PDF too",
      ])
  }

  @Test func wrongShardsAreRefused() throws {
    func error(_ environment: String, _ arguments: String) throws -> String {
      let run = try Tool.shell("\(environment) $KVPLAN sweep run \(file) \(arguments)")
      #expect(run.status == 2)
      return String(run.errors.prefix { $0 != "\n" })
    }
    #expect(
      try error("", "--shard 2/2")
        == "error: `--shard` must be I/N with I from 0 to N − 1, found `2/2`")
    #expect(
      try error("", "--shards 2")
        == "error: `--shards` 2 leaves open which: none of SLURM_ARRAY_TASK_ID, "
        + "JOB_COMPLETION_INDEX is set")
    #expect(
      try error("SLURM_ARRAY_TASK_ID=2", "--shards 2")
        == "error: SLURM_ARRAY_TASK_ID is `2`, `--shards` 2 are numbered 0 to 1")
    #expect(
      try error("SLURM_ARRAY_TASK_ID=2", "")
        == "error: SLURM_ARRAY_TASK_ID is set, and the number of shards is not given")
  }

  /// A file that cannot grow is a full disk: status 75, nothing lost, and the same command goes on.
  @Test func aFullDiskIsNotTheEnd() throws {
    let full = try Tool.shell("ulimit -f 16; $KVPLAN sweep run \(file)")
    #expect(full.status == 75)
    #expect(full.errors.hasPrefix("error: cannot write `"))
    #expect(
      full.errors.hasSuffix(
        "hint: what was done is kept; make room and run the same command again\n"))
    let left = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/out/shards")
    #expect(left == [])
    #expect(try Tool.run(["sweep", "run", file]).status == 0)
  }

  /// The second process on a shard says whose it is and stops; a lock that a dead one left is taken over.
  @Test func aShardIsMadeByOneProcess() throws {
    #expect(try Tool.run(["sweep", "run", file, "--shard", "0/2"]).status == 0)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder)/out/shards")
        == ["shard-000-of-002.sqlite"])
    let lock = "\(folder)/out/shards/shard-001-of-002.sqlite.lock"
    try Data("4711 elsewhere\n".utf8).write(to: URL(filePath: lock))
    let holder = open(lock, O_RDWR)
    #expect(flock(holder, LOCK_EX) == 0)
    let second = try Tool.run(["sweep", "run", file, "--shard", "1/2"])
    #expect(second.status == 75)
    #expect(
      second.errors == """
        error: shard 1/2 of `\(folder)/out` is being made by process 4711 on `elsewhere`

        hint: wait until it has ended: the same command then goes on from what it made

        """)
    close(holder)
    let third = try Tool.run(["sweep", "run", file, "--shard", "1/2"])
    #expect(third.status == 0)
    #expect(!FileManager.default.fileExists(atPath: lock))
  }

  @Test func submittingNeedsSbatch() throws {
    let none = try Tool.shell("$KVPLAN sweep submit \(file) --shards 2", path: "/nowhere")
    #expect(none.status == 2)
    #expect(
      none.errors
        == "error: there is no `sbatch` on the path\n\n"
        + "hint: go where Slurm is, or take the script along: `--print`\n")
    let printed = try Tool.shell(
      "$KVPLAN sweep submit \(file) --shards 2 --print", path: "/nowhere")
    #expect(printed.status == 0 && printed.output.contains("#SBATCH --array=0-1\n"))
    try write("sbatch", "#!/bin/sh\necho \"$@\" > \(folder)/given\n")
    chmod("\(folder)/sbatch", 0o755)
    let submitted = try Tool.shell(
      "$KVPLAN sweep submit \(file) --shards 2 -- --mem=4G", path: "\(folder):/usr/bin:/bin")
    #expect(submitted.status == 0)
    #expect(
      try String(contentsOfFile: "\(folder)/given", encoding: .utf8)
        == "--mem=4G \(folder)/out/submit.sh\n")
  }

  @Test func settingsAreVaried() throws {
    let arguments = [
      "simulate", "\(folder)/t.csv", "--request-rate", "5", "--model", "opt-13b", "--device",
      "a100-40gb@2023", "--vary", "max-num-seqs=1,8", "--vary", "system=vllm-v1,orca-max",
    ]
    let csv = try Tool.run(arguments + ["--format", "csv", "--output", "\(folder)/varied"])
    #expect(csv.status == 0)
    let rows = csv.output.split(separator: "\n").map { $0.split(separator: ",").prefix(2) }
    #expect(
      rows == [
        ["max-num-seqs", "system"], ["1", "vllm-v1"], ["1", "orca-max"], ["8", "vllm-v1"],
        ["8", "orca-max"],
      ])
    let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/varied").sorted()
    #expect(
      files == [
        "figures", "kvplan.sqlite", "report.html", "requests.csv", "summary.csv", "timeline.csv",
      ])
    let figures = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/varied/figures")
    #expect(
      figures.filter { $0.hasSuffix(".svg") }.sorted() == [
        "cdf-e2e.svg", "cdf-tpot.svg", "cdf-ttft.svg", "curve-batch.svg", "curve-e2e.svg",
        "curve-normalized.svg", "curve-p99-ttft-ms.svg", "curve-throughput.svg",
        "curve-token-state.svg", "curve-tpot.svg", "curve-ttft.svg", "ledger-mean.svg",
        "ledger-time.svg", "timeline-memory.svg", "timeline-preemptions.svg",
        "timeline-running.svg", "timeline-waiting.svg",
      ])
    // The runs, and the served error of either system.
    let table = try Tool.run(arguments)
    #expect(table.output.split(separator: "\n").count == 4 + 4 + 3 + 2)
    let unknown = try Tool.run(paper: ["simulate", "\(folder)/t.csv", "--vary", "blocksize=8"])
    #expect(
      unknown.errors == "error: unknown setting `blocksize`\n\nhint: did you mean `block-size`?\n")
    let many = try Tool.run(paper: ["simulate", "\(folder)/t.csv", "--vary", "block-size"])
    #expect(
      many.errors
        == "error: `--vary` must be a setting and its values, found `block-size`\n\n"
        + "hint: such as `--vary block-size=8,16,32`\n")
  }
}
