import ArgumentParser
import Messages
import Planning
import Reproduction
import Results

/// `kvplan reproduce avmp`.
struct AVMPCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "avmp",
    abstract: "How often takings fail under four managers of keys, values and states (AVMP).",
    discussion: """
      EXAMPLE
        kvplan reproduce avmp --output reports/avmp
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(
    help: "Folder with WORKLOAD_seedN.csv; without it the requests are drawn as numpy draws them.")
  var traces: String?

  @Option(help: "Sizes of the pool, GiB, separated by commas.")
  var poolGib = "1,4"

  @Option(help: "Units that a rebalance moves, separated by commas.")
  var batch = "128,256"

  @Option(help: "Tokens in a page of keys and values.")
  var blockTokens = 16

  @Option(
    help:
      "Shares of the pool for states, between 0 and 1, separated by commas; dynamic pools start with the first."
  )
  var stateShare = "0.5,0.9"

  @Option(
    help: "Seeds of every workload, separated by commas; without it those of the published runs.")
  var seeds: String?

  func run() throws {
    let page = ReproductionPage(
      title: "The AVMP study, again", command: command,
      preamble: [
        "arXiv 2605.22416. Four managers of pages and states in one pool, driven by a trace: no scheduler, no clock, no "
          + "prices."
      ])
    let report = try page.written(to: output) { try AVMPReport.report(try setting()) }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say("the figure, the counts of each seed and README.md are in `\(output)`")
  }

  private func setting() throws(UserError) -> AVMPSetting {
    var setting = AVMPSetting()
    setting.poolGiB = try Self.list(poolGib, "--pool-gib", "whole numbers from 1 to 1024") {
      Int($0).flatMap { (1...1024).contains($0) ? $0 : nil }
    }
    setting.batches = try Self.list(batch, "--batch", "whole numbers from 1 to 1000000") {
      Int($0).flatMap { (1...1_000_000).contains($0) ? $0 : nil }
    }
    setting.stateShares = try Self.list(stateShare, "--state-share", "numbers between 0 and 1") {
      Double($0).flatMap { $0 > 0 && $0 < 1 ? $0 : nil }
    }
    setting.seeds = try seeds.map { text throws(UserError) in
      try Self.list(text, "--seeds", "whole numbers from 0 on") { UInt64($0) }
    }
    guard (1...65_536).contains(blockTokens) else {
      throw UserError(
        "`--block-tokens` is \(blockTokens)", hint: "it takes whole numbers from 1 to 65536")
    }
    setting.blockTokens = blockTokens
    setting.folder = traces
    return setting
  }

  private static func list<Value>(
    _ text: String, _ flag: String, _ kind: String, _ read: (Substring) -> Value?
  ) throws(UserError) -> [Value] {
    var values: [Value] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let value = read(word) else {
        throw UserError(
          "`\(flag)` does not take `\(word)`", hint: "it takes \(kind), separated by commas")
      }
      values.append(value)
    }
    return values
  }

  /// As a user would type it; the places of folders on this machine are left out.
  private var command: String {
    var words = ["kvplan reproduce avmp"]
    if poolGib != "1,4" { words.append("--pool-gib \(poolGib)") }
    if batch != "128,256" { words.append("--batch \(batch)") }
    if blockTokens != 16 { words.append("--block-tokens \(blockTokens)") }
    if stateShare != "0.5,0.9" { words.append("--state-share \(stateShare)") }
    if let seeds { words.append("--seeds \(seeds)") }
    if traces != nil { words.append("--traces DIR") }
    return (words + ["--output DIR"]).joined(separator: " ")
  }
}

/// `kvplan reproduce sparse-prefix-caching`.
struct SparsePrefixCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sparse-prefix-caching",
    abstract: "Where to keep the states of recurrent layers: fixed rules against a program.",
    discussion: """
      EXAMPLE
        kvplan reproduce sparse-prefix-caching --output reports/sparse-prefix
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of the prompts.")
  var seed: UInt64 = 42

  @Option(help: "Checkpoints of a prompt.")
  var budget = 16

  @Option(help: "Tokens at multiples of which checkpoints are.")
  var kernelTokens = 16

  func run() throws {
    for (flag, value) in [("--budget", budget), ("--kernel-tokens", kernelTokens)] where value < 1 {
      throw UserError("`\(flag)` is \(value)", hint: "it takes whole numbers from 1 on")
    }
    var setting = SparsePrefixSetting()
    setting.seed = seed
    setting.budget = budget
    setting.kernelTokens = kernelTokens
    let page = ReproductionPage(
      title: "Sparse prefix caching, again", command: command,
      preamble: [
        "arXiv 2605.05219. Prompts one after the other, no eviction; costs in the simulator's units."
      ])
    let report = try page.written(to: output) { try SparsePrefixReport.report(setting) }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say("the figure and README.md are in `\(output)`")
  }

  private var command: String {
    let choices = [
      ("--seed", "\(seed)", "42"), ("--budget", "\(budget)", "16"),
      ("--kernel-tokens", "\(kernelTokens)", "16"),
    ]
    let given = choices.filter { $0.1 != $0.2 }.map { "\($0.0) \($0.1) " }.joined()
    return "kvplan reproduce sparse-prefix-caching \(given)--output DIR"
  }
}

/// `kvplan reproduce jenga`.
struct JengaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jenga",
    abstract:
      "Ministral 8B with long prompts: pages by type of layer against one size (SOSP 2025).",
    discussion: """
      EXAMPLE
        kvplan reproduce jenga --output reports/jenga
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of the first of 40 draws.")
  var seed: UInt64 = 0

  @Option(help: "KV pool, GB; the paper does not say its own.")
  var poolGb = JengaReport.poolGB

  func run() throws {
    guard poolGb >= JengaReport.poolGBMin, poolGb <= 10_000 else {
      throw UserError(
        "`--pool-gb` is \(plain(poolGb)): the longest request needs \(plain(JengaReport.poolGBMin))",
        hint: "it takes numbers up to 10000")
    }
    let page = ReproductionPage(
      title: "The Ministral row of Jenga, again",
      command: "kvplan reproduce jenga --seed \(seed) --pool-gb \(plain(poolGb)) --output DIR",
      preamble: [
        "arXiv 2503.18292 (first version). A pool of \(plain(poolGb)) GB; iterations are counted, not timed."
      ])
    let report = try page.written(to: output) { try JengaReport.report(seed: seed, poolGB: poolGb) }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say("the numbers of each draw and README.md are in `\(output)`")
  }
}
