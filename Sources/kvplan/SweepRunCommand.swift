import ArgumentParser
import Foundation
import Messages
import Planning
import Results
import SimulationKernel
import Sweeps
import Synchronization

/// `kvplan sweep run`: makes the runs that have no result yet.
struct SweepRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Make the runs of a sweep that have no result yet.",
    discussion: """
      Uses all cores and may be stopped or killed at any time: the same command goes on. With \
      `--shard` or `--shards` it makes one of several equal parts, which need not know of each other.

      EXAMPLE
        kvplan sweep init blocks.yaml
        kvplan sweep run blocks.yaml --jobs 2
      """)

  @OptionGroup var sweep: SweepFileArguments
  @OptionGroup(title: "Part of the sweep") var part: ShardArguments

  @Option(help: "Runs at a time (default: SLURM_CPUS_PER_TASK, or the cores of this machine).")
  var jobs: Int?

  @Option(help: "Seconds between two times that results are brought to the output folder.")
  var checkpoint = 10.0

  @Flag(help: "Only say how many runs there are, about how long they take, and the first of them.")
  var dryRun = false

  func run() throws {
    let environment = ProcessInfo.processInfo.environment
    let shard = try part.chosen(environment)
    let jobs =
      jobs ?? environment["SLURM_CPUS_PER_TASK"].flatMap { Int($0) }
      ?? ProcessInfo.processInfo.activeProcessorCount
    guard jobs > 0 else { throw UserError("`--jobs` must be at least 1, found `\(jobs)`") }
    try NumberLimits.require("--checkpoint", checkpoint, in: 0...1e6, unit: " s")
    // A file beyond the limit of its size is an error like a full disk, not an end by signal.
    signal(SIGXFSZ, SIG_IGN)
    // Nothing is written: a signal may end it at once.
    if dryRun { return try SweepEstimate(try sweep.plan(), shard, jobs: jobs).write() }
    let stop = StopSignals()
    let plan = try sweep.plan()
    try SweepCommand.tryingAgain {
      let runner = SweepRunner(plan, shard: shard, jobs: jobs, checkpointSeconds: checkpoint)
      let outcome = try plan.folder.alone(shard) {
        try runner.run(isStopped: { stop.received != nil }) { progress in
          Terminal.progress(progress.done, of: progress.total, secondsLeft: progress.secondsLeft)
        }
      }
      report(outcome, shard)
      if !outcome.isComplete {
        (stop.received == SIGINT ? ExitStatus.interrupted : .tryAgain).exit()
      }
      if outcome.made > 0, outcome.impossible == outcome.total {
        Terminal.say("error: no run can be made")
        ExitStatus.couldNotRun.exit()
      }
    }
  }

  private func report(_ outcome: SweepRunner.Outcome, _ shard: Shard) {
    let name = shard == .whole ? "" : "shard \(shard.index)/\(shard.count): "
    let done = outcome.found + outcome.made
    Terminal.say(
      "\(name)\(done) of \(outcome.total) runs are done, \(outcome.made) of them now"
        + (outcome.isComplete ? "" : "; the same command goes on"))
    if let reason = outcome.firstReason {
      Terminal.warn(["\(outcome.impossible) runs are impossible; the first: \(reason)"])
    }
    if outcome.isComplete && shard == .whole {
      Terminal.say("`kvplan sweep merge \(sweep.file)` makes the table")
    }
  }
}

/// SIGINT and SIGTERM as a request to stop soon, from now on.
struct StopSignals {
  private let box = Box()

  /// The signal that came, or 0.
  private final class Box: Sendable {
    let received = Atomic<Int32>(0)
  }

  init() {
    let box = box
    Interruption.react { number in
      // Asked twice, it ends at once: what is published stays.
      if box.received.exchange(number, ordering: .relaxed) != 0 {
        _exit(ExitStatus.interrupted.rawValue)
      }
    }
  }

  /// The signal that came.
  var received: Int32? {
    let number = box.received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
}

/// How large a sweep is, from a few of its runs.
struct SweepEstimate {
  private let plan: SweepPlan
  private let runs: [KeyedRun]
  private let repeated: Int
  private let shard: Shard
  private let jobs: Int

  private static let sampleCount = 8
  private static let sampleSeconds = 5.0
  private static let shown = 5

  init(_ plan: SweepPlan, _ shard: Shard, jobs: Int) throws {
    self.plan = plan
    self.shard = shard
    self.jobs = jobs
    (runs, repeated) = try plan.runs(in: shard)
  }

  /// Writes the estimate on standard output.
  func write() throws {
    var lines = ["sweep  \(plan.file.name), results in \(plan.file.output)"]
    let part = shard == .whole ? "" : " of shard \(shard.index)/\(shard.count)"
    lines.append("runs   \(runs.count)\(part) of \(plan.grid.count) combinations")
    if repeated > 0 { lines.append("       \(repeated) combinations are the same run as another") }
    if let time = try timeLine() { lines.append(time) }
    lines.append("first")
    for run in runs.prefix(Self.shown) {
      guard let point = plan.grid.point(run.index) else { continue }
      lines.append("       \(run.key.text.prefix(12))  \(point.label)")
    }
    Terminal.write(lines.map { "\($0)\n" }.joined())
  }

  /// Simulates runs from all over the sweep, and counts the CPU time.
  private func timeLine() throws -> String? {
    guard !runs.isEmpty else { return nil }
    let count = min(Self.sampleCount, runs.count)
    let clock = ContinuousClock()
    let first = clock.now
    var seconds = 0.0
    var sampled = 0
    var reason: String?
    let prices = PreparedPrices()
    for sample in 0..<count {
      let run = runs[(2 * sample + 1) * runs.count / (2 * count)]
      guard let point = plan.grid.point(run.index), let trace = plan.traces[point.trace] else {
        continue
      }
      do {
        // The prices of a deployment are computed once for all its runs, and not counted.
        _ = try point.scenario.resolved(prices: .shared(prices))
        let start = clock.now
        _ = try Simulation.run(
          point.scenario, trace: trace, keepingRequests: false, prices: .shared(prices))
        seconds += (clock.now - start) / .seconds(1)
      } catch let error as UserError {
        reason = reason ?? error.message
      }
      sampled += 1
      if (clock.now - first) / .seconds(1) > Self.sampleSeconds { break }
    }
    if let reason {
      Terminal.warn(["some runs are impossible; the first that was tried: \(reason)"])
    }
    let all = seconds * Double(runs.count) / Double(sampled)
    return "time   about \(Terminal.duration(all / Double(jobs))) on \(jobs) cores "
      + "(from \(sampled) of the runs)"
  }
}
