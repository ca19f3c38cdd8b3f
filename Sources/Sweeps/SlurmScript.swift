import Messages
import SimulationKernel

/// The batch script of a sweep on Slurm: a job array, one task a shard.
package struct SlurmScript {
  package var name: String
  /// Absolute paths of the tool, the sweep file and the output folder.
  package var tool: String
  package var file: String
  package var output: String
  package var shards: Int
  /// The tasks to submit, `0,3-5`; all of them where `nil`.
  package var array: String?
  package var cpus = 1
  package var partition: String?
  package var time: String?
  /// Times that a task is requeued before it stays ended.
  package var retries = 5
  /// Given on to `kvplan sweep run`.
  package var arguments: [String] = []

  package init(name: String, tool: String, file: String, output: String, shards: Int) {
    self.name = name
    self.tool = tool
    self.file = file
    self.output = output
    self.shards = shards
  }

  package var text: String {
    var options = [
      "--job-name=kvplan-\(name)", "--array=\(array ?? "0-\(shards - 1)")", "--requeue",
      "--open-mode=append", "--output=\(output)/logs/shard-%a.log", "--cpus-per-task=\(cpus)",
    ]
    if let partition { options.append("--partition=\(partition)") }
    if let time { options.append("--time=\(time)") }
    let command = [tool, "sweep", "run", file, "--shards", "\(shards)", "--jobs", "\(cpus)"]
    return """
      #!/bin/bash
      \(options.map { "#SBATCH \($0)" }.joined(separator: "\n"))
      # A run that was stopped or killed (75, 137, 143) is requeued, at most \(retries) times; bad input (2) is not.
      # Nothing is lost by running a shard twice, and `kvplan sweep status` knows what is missing.
      trap 'kill -TERM "$run" 2>/dev/null' TERM
      \((command + arguments).map(shellQuoted).joined(separator: " ")) &
      run=$!
      wait "$run"
      status=$?
      # A trapped signal ends the first wait while the run still writes what it has.
      while kill -0 "$run" 2>/dev/null; do
        wait "$run"
        status=$?
      done
      case $status in
      75 | 137 | 143)
        tries=${SLURM_RESTART_COUNT:-0}
        if [ "$tries" -ge \(retries) ]; then
          echo "ended with $status after $tries retries: not requeued" >&2
          exit 1
        fi
        echo "ended with $status: requeued, retry $((tries + 1)) of \(retries)" >&2
        # Slurm ends this script soon after; without leave to requeue, the status tells.
        scontrol requeue "$SLURM_JOB_ID" && sleep 60
        ;;
      esac
      exit "$status"

      """
  }

  /// Rising numbers as ranges: `[0, 3, 4, 5]` is `0,3-5`.
  package static func array(_ indices: [Int]) -> String {
    var ranges: [ClosedRange<Int>] = []
    for index in indices {
      if let last = ranges.last, last.upperBound + 1 == index {
        ranges[ranges.count - 1] = last.lowerBound...index
      } else {
        ranges.append(index...index)
      }
    }
    return ranges.map { range in
      range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }.joined(separator: ",")
  }
}
