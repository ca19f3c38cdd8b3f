import ArgumentParser
import Messages
import Planning
import Results
import SimulationKernel
import Sweeps

/// `kvplan sweep merge`: one table of all results.
struct SweepMergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Make one table of a sweep's results: SQLite, CSV and a report.",
    discussion: """
      Leaves \(SweepMerge.database), \(SweepMerge.table) and \(SweepMerge.report) in the output \
      folder, and the usual curves in figures/. The same results give the same bytes, whatever the shards. Runs that are missing are \
      counted, and left out.

      EXAMPLE
        kvplan sweep init blocks.yaml
        kvplan sweep run blocks.yaml
        kvplan sweep merge blocks.yaml
      """)

  @OptionGroup var sweep: SweepFileArguments

  @Flag(help: "Take results of other versions of kvplan and of other device profiles too.")
  var allowMixed = false

  @Flag(help: "Leave out files of results that cannot be read.")
  var skipCorrupt = false

  @OptionGroup(title: "Results") var figures: FigureOptions

  func run() throws {
    let figures = try figures.requests()
    if let other = figures.first(where: { $0.kind != .curve }) {
      throw UserError(
        "`--figure \(other.kind.rawValue)` needs single requests, which a sweep does not keep",
        hint: "`--figure curve` draws what it has; `kvplan simulate --vary` keeps requests")
    }
    let plan = try sweep.plan()
    try SweepCommand.tryingAgain {
      let merge = try SweepMerge(plan, takesOthers: allowMixed, skipsCorrupt: skipCorrupt)
      let outcome = try merge.write(figures: figures)
      Terminal.warn(outcome.corrupt.map { "left out: \($0)" })
      if outcome.others > 0 {
        Terminal.warn(["\(outcome.others) results are of another version or profile"])
      }
      if outcome.foreign > 0 {
        Terminal.warn(["\(outcome.foreign) results are of runs that are not in the sweep: left out"]
        )
      }
      if outcome.missing > 0 {
        Terminal.warn([
          "\(outcome.missing) runs are missing; `kvplan sweep status \(sweep.file)` lists them"
        ])
      }
      Terminal.say(outcome.figures)
      var text = "\(outcome.runs) runs are in `\(plan.folder.path)`"
      if outcome.failures > 0 { text += ", and \(outcome.failures) that are impossible" }
      if outcome.duplicates > 0 { text += "; \(outcome.duplicates) were there twice" }
      Terminal.say(text)
    }
  }
}
