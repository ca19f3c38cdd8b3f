import ArgumentParser
import Foundation
import Messages
import Planning
import Results
import Sweeps

/// `kvplan sweep`: grids of runs, resumable, and in shards that any engine can run.
struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Run a grid of simulations, resumable and in shards.",
    discussion: """
      EXAMPLE
        kvplan sweep init blocks.yaml
        kvplan sweep run blocks.yaml --dry-run
        kvplan sweep run blocks.yaml
        kvplan sweep merge blocks.yaml

      EXIT STATUS
        0   done: all runs asked for have a result
        1   `status`: runs are missing
        2   could not run: bad input, do not try again
        75  stopped before the end: try again, what was done is kept
        130 interrupted: the same
      """,
    subcommands: [
      SweepInitCommand.self, SweepRunCommand.self, SweepSubmitCommand.self, SweepStatusCommand.self,
      SweepMergeCommand.self,

    ])

  /// Runs `body`; where a repetition may help, says why and exits with 75.
  static func tryingAgain(_ body: () throws -> Void) throws {
    do { try body() } catch let failure as TryAgain {
      Terminal.say(failure.reason.description)
      ExitStatus.tryAgain.exit()
    }
  }
}

/// What all verbs on a sweep file take.
struct SweepFileArguments: ParsableArguments {
  @Argument(help: "Sweep file, YAML or JSON; `kvplan sweep init` writes an example.")
  var file: String

  @Flag(help: "Go on although there are more than \(SweepPlan.pointsMax) runs.")
  var yes = false

  func plan() throws -> SweepPlan {
    let plan = try SweepPlan(path: file, isConfirmed: yes)
    Terminal.warn(plan.warnings)
    return plan
  }
}

struct SweepInitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Write a commented example of a sweep file.",
    discussion: """
      EXAMPLE
        kvplan sweep init blocks.yaml
      """)

  @Argument(help: "File to write; `-` prints it.")
  var file: String

  @Option(help: "Trace that it names, as found from the file's folder.")
  var trace = "traces/sharegpt.csv"

  func run() throws {
    let text = SweepExample.text(trace: trace)
    guard file != "-" else { return Terminal.write(text) }
    guard !FileManager.default.fileExists(atPath: file) else {
      throw UserError("`\(file)` exists", hint: "choose another name, or remove it")
    }
    try OutputFile.write(to: file) { append throws(UserError) in try append(Array(text.utf8)) }
    let folder = URL(filePath: file).deletingLastPathComponent()
    if !FileManager.default.fileExists(atPath: URL(filePath: trace, relativeTo: folder).path) {
      Terminal.warn(["there is no `\(trace)` beside `\(file)`: set `trace:` to a file of yours"])
    }
    Terminal.say("`\(file)` is written; see `kvplan sweep run \(file) --dry-run`")
  }
}

/// Which part of a sweep a process makes.
struct ShardArguments: ParsableArguments {
  @Option(help: "Make only shard I of N, counted from 0: `--shard 3/16`.")
  var shard: String?

  @Option(
    help: """
      Number of shards; which of them to make is then in SLURM_ARRAY_TASK_ID or \
      JOB_COMPLETION_INDEX.
      """)
  var shards: Int?

  private static let variables = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"]

  func chosen(_ environment: [String: String]) throws -> Shard {
    if let shard {
      guard shards == nil else {
        throw UserError("`--shard` and `--shards` are both given", hint: "leave one of them out")
      }
      let parts = shard.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]), index >= 0,
        index < count
      else {
        throw UserError(
          "`--shard` must be I/N with I from 0 to N − 1, found `\(shard)`",
          hint: "the first of 16 is `--shard 0/16`")
      }
      return Shard(index, of: count)
    }
    guard let shards else {
      // Every task of an array would make the whole sweep.
      if let name = Self.variables.first(where: { environment[$0] != nil }) {
        throw UserError(
          "\(name) is set, and the number of shards is not given",
          hint: "give `--shards N`, or `--shard 0/1` to make the whole sweep here")
      }
      return .whole
    }
    guard shards > 0 else { throw UserError("`--shards` must be at least 1, found `\(shards)`") }
    for name in Self.variables {
      guard let text = environment[name] else { continue }
      guard let index = Int(text), index >= 0, index < shards else {
        throw UserError(
          "\(name) is `\(text)`, `--shards` \(shards) are numbered 0 to \(shards - 1)",
          hint: "submit the array as 0-\(shards - 1)")
      }
      return Shard(index, of: shards)
    }
    throw UserError(
      "`--shards` \(shards) leaves open which: none of \(Self.variables.joined(separator: ", ")) is set",
      hint: "give `--shard I/\(shards)`")
  }
}
