import ArgumentParser
import Foundation
import Testing

@testable import kvplan

/// Help in two lengths, and examples that work.
@Suite struct HelpTests {
  /// Every command that runs something and is shown, with its words.
  static let commands: [NamedCommand] = {
    func below(_ words: [String]) -> [NamedCommand] {
      let named = NamedCommand(words)
      guard named.command.shouldDisplay else { return [] }
      let names = (named.command.subcommands ?? []).map(\.commandName).filter { $0 != "help" }
      return [named] + names.flatMap { below(words + [$0]) }
    }
    return below([])
  }()

  /// Twenty lines with the example; only a list of commands is as long as there are commands.
  @Test func shortHelpIsShort() {
    #expect(Self.commands.count > 30)
    for named in Self.commands {
      let lines = ShortHelp(of: named).text.dropLast().components(separatedBy: "\n")
      let hasOptions = named.command.subcommands?.isEmpty != false
      #expect(lines.count <= (hasOptions ? 20 : 24), "\(named.text) -h")
      for line in lines { #expect(line.count <= 120, "\(named.text) -h: \(line)") }
    }
  }

  /// What plans are about stands first, and no name is cut.
  @Test func shortHelpOfPlansHasWhatTheyAreAbout() {
    func options(_ words: [String]) -> [String] {
      ShortHelp(of: NamedCommand(words)).text.components(separatedBy: "\n")
        .filter { $0.hasPrefix("  --") }.map { String($0.split(separator: " ")[0]) }
    }
    #expect(
      options(["plan", "fleet"]) == [
        "--model", "--request-rate", "--slo", "--max-gpus", "--budget", "--objective", "--devices",
      ])
    let capacity = options(["plan", "capacity"])
    #expect(
      capacity.prefix(7) == [
        "--model", "--device", "--slo", "--request-rate", "--seeds", "--what-if", "--replicas",
      ])
    for named in Self.commands {
      let flags = Set((named.command.arguments ?? []).compactMap { $0.preferredName?.flag })
      for option in options(named.words) {
        #expect(flags.contains(option), "\(named.text) -h: \(option)")
      }
    }
  }

  @Test func shortHelpHasOwnOptionsAndTheExample() throws {
    let run = try Tool.run(["simulate", "-h"])
    #expect(run.status == 0)
    #expect(run.errors.isEmpty)
    #expect(
      run.output == """
        Replay a trace through one serving system.

        usage: kvplan simulate [options] <trace>

          <trace>                 Trace: CSV, plain or gzip; `-` reads standard input
          --model <model>         Model of `kvplan catalog models`, or the path of its `config.json`
          --device <device>       Device of `kvplan catalog devices`, or the path of its JSON file
          --system <system>       Serving system; `kvplan catalog systems` lists them (default: vllm-v1)
          --request-rate          Poisson arrivals, requests per second, in place of the trace's own
          --vary <name=values>    A setting and its values, `block-size=8,16,32`

        120 more options (replicas, model and device, memory, scheduler, workload, reading the trace, results):
        `kvplan simulate --help`

        example:
          kvplan simulate traces/sharegpt.csv --model llama-3.1-8b \\
            --device h100-sxm --request-rate 20 --num-prompts 1000

        """)
  }

  @Test func longHelpHasGroups() throws {
    let help = try Tool.run(["plan", "fleet", "--help"]).output
    let titles = help.split(separator: "\n").filter { $0.hasSuffix(":") && !$0.hasPrefix(" ") }
    #expect(
      titles == [
        "ARGUMENTS:", "PLAN:", "MODEL AND DEVICE:", "MEMORY:", "SCHEDULER:", "WORKLOAD:",
        "READING THE TRACE:", "RESULTS:", "OPTIONS:",
      ])
  }

  @Test func everyCommandHasAnExample() {
    for named in Self.commands where named.command.subcommands?.isEmpty != false {
      #expect(!named.command.examples.isEmpty, "\(named.text)")
    }
  }

  /// A shell splits the examples into words, of which the parser takes all.
  @Test func everyExampleParses() throws {
    let examples = Self.commands.flatMap(\.command.examples)
    let split = try Tool.shell(
      "kvplan() { printf '%s\\n' \"$@\" --end--; }\n"
        + examples.map { $0.replacing(" > ", with: " # ") }.joined(separator: "\n"))
    let lines = split.output.split(separator: "\n").map(String.init)
    let commands = lines.split(separator: "--end--").map(Array.init)
    #expect(commands.count == examples.count)
    for words in commands {
      #expect(throws: Never.self, "\(words)") {
        _ = try Kvplan.parseAsRoot(CommandWords.read(words))
      }
    }
  }

  /// Examples that take a second or two run as they stand, one after the other, in a folder with the repository's traces.
  @Test func cheapExamplesRun() throws {
    let cheap = [
      "kvplan simulate", "kvplan sweep", "kvplan trace describe", "kvplan trace convert",
      "kvplan trace slice", "kvplan trace scale", "kvplan trace mix", "kvplan trace thin",
      "kvplan catalog models", "kvplan catalog devices", "kvplan catalog systems",
      "kvplan catalog fit",
    ]
    let commands = Self.commands.filter { cheap.contains($0.text) }
    #expect(commands.map(\.text).sorted() == cheap.sorted())
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let run = try Tool.shell(
      """
      set -e
      folder=$(mktemp -d); trap 'rm -r "$folder"' EXIT; cd "$folder"; ln -s '\(root)/traces' traces
      kvplan() { "$KVPLAN" "$@" > /dev/null; echo "$1 $2"; }
      \(commands.flatMap(\.command.examples).joined(separator: "\n"))
      """)
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      run.output.split(separator: "\n").count == commands.flatMap(\.command.examples).count)
  }
}
