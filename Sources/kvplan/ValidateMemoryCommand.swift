import ArgumentParser
import CostModel
import KVMemory
import Kernels
import Messages
import Results
import TraceFiles
import Workload

/// `kvplan validate memory`.
struct ValidateMemoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "memory",
    abstract: "Serve a trace for real from pages that layers share, and check every token.",
    discussion: """
      Layers keep all tokens, a window or sinks and a window, by turns; their pages are Jenga's, and what a layer skips is \
      given back. With `--verify` every output is generated again, alone in contiguous memory, the same tokens masked; exit \
      status 1 if a token differs.

      EXAMPLE
        kvplan validate memory traces/sharegpt.csv --num-prompts 8 --keeps all,window:32,sinks:4:28 --verify
      """)

  @Argument(
    help: "Trace: CSV, plain or gzip; `-` reads standard input.", completion: Completions.trace)
  var trace: String

  @Option(
    name: .customLong("num-prompts"), help: "Requests to serve, the first rows (default: all).")
  var promptCount: Int?

  @Option(help: "Model that runs on the CPU: `toy-1m`, `toy-25m`, `toy-100m` or `toy-opt-1m`.")
  var model = "toy-1m"

  @Option(
    help: "What layers keep, by turns: `all`, `window:TOKENS`, `sinks:TOKENS:WINDOW`, by commas.")
  var keeps = "all,window:64"

  @Option(help: "Token slots in a KV block.")
  var blockSize = 16

  @Option(help: "Memory for keys and values, MiB.")
  var kvMib = 8.0

  @Option(name: .customLong("max-num-batched-tokens"), help: "Most tokens in one iteration.")
  var batchedTokens = 512

  @Option(help: "Temperature of the sampling; 0 takes the likeliest token.")
  var temperature = 1.0

  @Option(help: "Seed of weights, prompts and sampling.")
  var seed: UInt64 = 0

  @Flag(
    help: "Generate every output again, one at a time in contiguous memory with masks, and compare."
  )
  var verify = false

  func run() throws {
    for (flag, value) in [
      ("--num-prompts", promptCount ?? 1), ("--block-size", blockSize),
      ("--max-num-batched-tokens", batchedTokens),
    ] {
      try NumberLimits.require(flag, value, in: 1...1_000_000)
    }
    guard kvMib > 0, kvMib <= 65_536, temperature >= 0 else {
      throw UserError(
        "`--kv-mib \(plain(kvMib))` and `--temperature \(plain(temperature))`",
        hint: "memory is above 0 and up to 65536, a temperature 0 or more")
    }
    let spec = try ToyModels.find(model)
    let kept = try keeps.split(separator: ",", omittingEmptySubsequences: false).map {
      word throws(UserError) in try Self.kind(String(word))
    }
    let kinds = (0..<spec.layers.count).map { kept[$0 % kept.count] }
    let reading = try TraceReader.read(path: trace)
    Terminal.warn(reading.warnings)
    let requests = Array(reading.trace.requests.prefix(promptCount ?? .max))
    try requireSingles(requests)
    OpenBLAS.restartWithKnownCore()
    let transformer = Transformer(spec, seed: seed)
    let sampler = TokenSampler(seed: seed, temperature: temperature)
    var serving = KeptServing(
      transformer, kinds: kinds, blockTokens: blockSize, bytes: Int(kvMib * 1_048_576),
      batchedTokens: batchedTokens, requests: requests, sampler: sampler)
    let outcome = serving.run()
    let tokens = outcome.outputs.reduce(0) { $0 + $1.output.count }
    Terminal.write(
      "requests,rejected,output_tokens,iterations,preemptions,pool_mib,most_used_mib\n"
        + "\(outcome.outputs.count),\(outcome.rejected),\(tokens),\(outcome.iterations),\(outcome.preemptions),\(plain(kvMib)),"
        + "\(Digits.fixed(Double(outcome.usedBytesMax) / 1_048_576, decimals: 2))\n")
    guard verify else { return }
    var alone = OneAtATime(transformer, sampler: sampler, kinds: kinds)
    let differences = outcome.outputs.compactMap { alone.firstDifference($0) }
    guard differences.isEmpty else {
      for difference in differences.prefix(5) { Terminal.say("differs: \(difference)") }
      Terminal.say("\(differences.count) of \(outcome.outputs.count) sequences differ")
      ExitStatus.no.exit()
    }
    Terminal.say(
      "verified: \(tokens) tokens of \(outcome.outputs.count) sequences are those generated alone with masks"
    )
  }

  private func requireSingles(_ requests: [Request]) throws {
    guard let index = requests.firstIndex(where: { $0.sequenceCount > 1 }) else { return }
    throw UserError(
      "`\(trace)`: request \(index + 1) has \(requests[index].sequenceCount) sequences, and pages are checked on requests of one",
      hint: "leave out `n` and `beam_width`")
  }

  private static func kind(_ word: String) throws(UserError) -> KVGroupKind {
    let parts = word.split(separator: ":", omittingEmptySubsequences: false)
    let numbers = parts.dropFirst().map { Int($0) ?? 0 }
    switch (parts.first, numbers.count, numbers.allSatisfy { $0 > 0 }) {
    case ("all", 0, _): return .all
    case ("window", 1, true): return .window(tokens: numbers[0])
    case ("sinks", 2, true): return .sinks(numbers[0], window: numbers[1])
    default:
      throw UserError(
        "`--keeps` does not take `\(word)`",
        hint: "it takes `all`, `window:64` and `sinks:4:60`, separated by commas")
    }
  }
}
