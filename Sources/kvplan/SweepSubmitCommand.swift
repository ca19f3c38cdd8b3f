import ArgumentParser
import Foundation
import Messages
import Planning
import Sweeps

/// `kvplan sweep submit`: a sweep as a job array.
struct SweepSubmitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit",
    abstract: "Submit a sweep to a batch system, one task a shard.",
    discussion: """
      EXAMPLE
        kvplan sweep submit blocks.yaml --shards 16 --time 2:00:00 -- --mem=4G
      """)

  enum Engine: String, CaseIterable, ExpressibleByArgument { case slurm }

  @OptionGroup var sweep: SweepFileArguments

  @Option(help: "Batch system.")
  var engine = Engine.slurm

  @Option(help: "Parts to cut the sweep into; minutes of work each, not seconds.")
  var shards: Int

  @Option(help: "Only these tasks, as `sbatch --array=` takes them: `0,3-5`.")
  var array: String?

  @Option(help: "Cores of each task.")
  var cpus = 1

  @Option(help: "Partition of the cluster.")
  var partition: String?

  @Option(help: "Time limit of a task, as `sbatch --time=` takes it.")
  var time: String?

  @Option(help: "Times that a task which was stopped or killed is requeued.")
  var retries = 5

  @Option(help: "Seconds between two times that a task publishes its results.")
  var checkpoint: Double?

  @Flag(help: "Print the batch script and submit nothing.")
  var print = false

  @Argument(parsing: .postTerminator, help: "Further options of sbatch, after `--`.")
  var extra: [String] = []

  func run() throws {
    guard shards > 0 else { throw UserError("`--shards` must be at least 1, found `\(shards)`") }
    guard cpus > 0 else { throw UserError("`--cpus` must be at least 1, found `\(cpus)`") }
    guard retries >= 0 else {
      throw UserError("`--retries` must be zero or more, found `\(retries)`")
    }
    if let array, array.wholeMatch(of: /\d+(-\d+)?(,\d+(-\d+)?)*(%\d+)?/) == nil {
      throw UserError("`--array` must be numbers and ranges such as `0,3-5`, found `\(array)`")
    }
    let plan = try sweep.plan()
    var script = SlurmScript(
      name: plan.file.name, tool: Self.ownPath, file: absolute(sweep.file),
      output: absolute(plan.file.output), shards: shards)
    script.array = array
    script.cpus = cpus
    script.partition = partition
    script.time = time
    script.retries = retries
    if let checkpoint { script.arguments += ["--checkpoint", "\(checkpoint)"] }
    if sweep.yes { script.arguments.append("--yes") }
    guard !print else { return Terminal.write(script.text) }
    try SweepCommand.tryingAgain { try submit(script, plan) }
  }

  private func submit(_ script: SlurmScript, _ plan: SweepPlan) throws {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    guard
      let sbatch = folders.map({ "\($0)/sbatch" }).first(where: {
        FileManager.default.isExecutableFile(atPath: $0)
      })
    else {
      throw UserError(
        "there is no `sbatch` on the path",
        hint: "go where Slurm is, or take the script along: `--print`")
    }
    try plan.folder.prepare()
    let path = try plan.folder.keep(script)
    let process = Process()
    process.executableURL = URL(filePath: sbatch)
    process.arguments = extra + [path]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw UserError(
        "`sbatch` ended with status \(process.terminationStatus)", hint: "the script is `\(path)`")
    }
    Terminal.say("`kvplan sweep status \(sweep.file) --shards \(shards)` says how far it is")
  }

  private static var ownPath: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "kvplan"
  }

  private func absolute(_ path: String) -> String {
    URL(filePath: path).standardizedFileURL.path
  }
}
