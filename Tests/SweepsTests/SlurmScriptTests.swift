import Foundation
import Testing

@testable import Sweeps

/// The batch script, as text and in a shell of its own with a stand-in for the tool.
@Suite struct SlurmScriptTests {
  @Test func arraysAreShort() {
    #expect(SlurmScript.array([]) == "")
    #expect(SlurmScript.array([3]) == "3")
    #expect(SlurmScript.array([0, 1, 2, 3]) == "0-3")
    #expect(SlurmScript.array([0, 3, 4, 5, 9]) == "0,3-5,9")
  }

  @Test func optionsStandAtTheTop() {
    var script = SlurmScript(
      name: "s", tool: "/bin/kvplan", file: "/it's here/f.yaml", output: "/o", shards: 16)
    script.array = "3,7"
    script.time = "1:00:00"
    script.partition = "long"
    let lines = script.text.split(separator: "\n").map(String.init)
    #expect(
      lines[..<9] == [
        "#!/bin/bash", "#SBATCH --job-name=kvplan-s", "#SBATCH --array=3,7", "#SBATCH --requeue",
        "#SBATCH --open-mode=append", "#SBATCH --output=/o/logs/shard-%a.log",
        "#SBATCH --cpus-per-task=1", "#SBATCH --partition=long", "#SBATCH --time=1:00:00",
      ])
    #expect(
      lines.contains(
        "/bin/kvplan sweep run '/it'\\''s here/f.yaml' --shards 16 --jobs 1 &"))
  }

  /// Runs the script with a tool that ends with `status`.
  private func run(
    _ status: String, restarts: Int
  ) throws -> (status: Int32, requeued: Bool) {
    let scratch = try Scratch()
    func program(_ name: String, _ body: String) throws {
      try scratch.write(name, "#!/bin/bash\n\(body)\n")
      chmod("\(scratch.path)/\(name)", 0o755)
    }
    try program("tool", status)
    try program("scontrol", "echo \"$@\" > \(scratch.path)/requeued")
    try program("sleep", "exit 0")
    let script = SlurmScript(
      name: "s", tool: "\(scratch.path)/tool", file: "f", output: "o", shards: 2)
    try scratch.write("job", script.text)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["\(scratch.path)/job"]
    process.standardError = FileHandle.nullDevice
    process.environment = [
      "PATH": "\(scratch.path):/usr/bin:/bin", "SLURM_JOB_ID": "7",
      "SLURM_RESTART_COUNT": "\(restarts)",
    ]
    try process.run()
    process.waitUntilExit()
    return (
      process.terminationStatus, (try? scratch.text("requeued")) == "requeue 7\n"
    )
  }

  @Test func onlyWhatMayHelpIsRequeued() throws {
    #expect(try run("exit 0", restarts: 0) == (0, false))
    #expect(try run("exit 2", restarts: 0) == (2, false))
    #expect(try run("exit 75", restarts: 0) == (75, true))
    #expect(try run("kill -KILL $$", restarts: 4) == (137, true))
    #expect(try run("kill -KILL $$", restarts: 5) == (1, false))
  }
}
