import ArgumentParser
import Messages
import Planning
import Results
import Sweeps

/// `kvplan sweep status`: what is missing.
struct SweepStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Say which runs of a sweep have a result, and what to submit again.",
    discussion: """
      Looks at the files of results only. Exit status 0 where nothing is missing, else 1.

      EXAMPLE
        kvplan sweep init blocks.yaml
        kvplan sweep run blocks.yaml
        kvplan sweep status blocks.yaml
      """)

  @OptionGroup var sweep: SweepFileArguments

  @Option(help: "Number of shards (default: that of the files that are there).")
  var shards: Int?

  @Flag(help: "Print only the list for `sbatch --array=`; nothing where nothing is missing.")
  var array = false

  /// Shards that a table shows.
  private static let shown = 32

  func run() throws {
    if let shards { try NumberLimits.require("--shards", shards, in: 1...1_000_000) }
    let plan = try sweep.plan()
    let status = try SweepStatus(plan, shards: shards)
    Terminal.warn(status.corrupt)
    if array {
      Terminal.write(status.isComplete ? "" : status.array + "\n")
    } else {
      Terminal.write(text(status, plan))
    }
    if !status.isComplete { ExitStatus.no.exit() }
  }

  private func text(_ status: SweepStatus, _ plan: SweepPlan) -> String {
    var text = "\(status.done) of \(status.runs) runs are done"
    if status.impossible > 0 { text += ", \(status.impossible) of them are impossible" }
    text += "\n"
    if status.foreign > 0 {
      text +=
        "\(status.foreign) results are of runs that are not in the sweep, or of another version\n"
    }
    guard !status.isComplete else { return text }
    let incomplete = status.parts.filter { $0.missing > 0 }
    var table = TextTable([.init("shard"), .init("runs"), .init("done"), .init("missing")])
    table.rows = incomplete.prefix(Self.shown).map { part in
      ["\(part.shard.index)", "\(part.runs)", "\(part.done)", "\(part.missing)"]
    }
    text += "\n\(table.rendered())"
    if incomplete.count > Self.shown {
      text += "and \(incomplete.count - Self.shown) more shards\n"
    }
    text += "\nmissing, for example\n"
    for run in status.firstMissing {
      text += "  \(run.key.text.prefix(12))  \(plan.grid.point(run.index)?.label ?? "")\n"
    }
    let count = status.parts.count
    text +=
      count == 1
      ? "\nrun     kvplan sweep run \(sweep.file)\n"
      : "\nsubmit  kvplan sweep submit \(sweep.file) --shards \(count) --array=\(status.array)\n"
    return text
  }
}
