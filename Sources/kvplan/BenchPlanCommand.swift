import ArgumentParser
import CostModel
import Messages
import Planning
import Results
import Serving
import Validation

/// `kvplan bench-plan`.
struct BenchPlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-plan",
    abstract: "Say which benchmark runs of your server a calibration needs.",
    discussion: """
      Prints the fewest `vllm bench serve` commands whose results make `kvplan calibrate server` good to \
      `--target` percent over the range of clients, by simulation: chosen one after the other, each where it \
      teaches most of what is still unknown.

      EXAMPLE
        kvplan bench-plan --model llama-3.1-8b --device h100-sxm --clients 1-64 --target 5
      """)

  @Option(help: "Serving system; `kvplan catalog systems` lists them.")
  var system = ServingSystem.today.name

  @OptionGroup var engine: EngineOptions

  @Option(help: "Tokens of each prompt.")
  var inputLen = 1024

  @Option(help: "Tokens of each answer.")
  var outputLen = 128

  @Option(help: "Requests in flight that predictions are wanted for, from and to.")
  var clients = "1-64"

  @Option(help: "Error to reach, percent: the worst over the range of clients that is expected.")
  var target = 5.0

  @Option(
    help: """
      How far a measurement lies from what a fitted profile can say, percent: the largest mean error of TPOT of four \
      servers on runs that were not fitted.
      """)
  var noise = 3.6

  func run() throws {
    for (flag, value) in [("target", target), ("noise", noise)] where !(value > 0 && value <= 100) {
      throw UserError("`--\(flag)` must be above 0 and at most 100 percent, found `\(value)`")
    }
    for (flag, value) in [("input-len", inputLen), ("output-len", outputLen)]
    where !(1...10_000_000).contains(value) {
      throw UserError("`--\(flag)` must be from 1 to 10000000 tokens, found `\(value)`")
    }
    let plan = BenchPlan(
      try engine.scenario(system: try ServingSystem.find(system), requestRate: nil),
      promptTokens: inputLen, outputTokens: outputLen, clients: try range(), target: target / 100,
      noise: noise / 100)
    let answer = try plan.run()
    let model = plan.scenario.model.reference
    for (index, step) in answer.steps.enumerated() {
      Terminal.write(command(step.run, number: index + 1, model: model) + "\n")
    }
    Terminal.say("expected error without a run: \(percent(answer.errorBefore))")
    for step in answer.steps {
      Terminal.say(
        "with \(step.run.load): \(percent(step.expectedError)), "
          + "\(Digits.fixed(step.seconds, decimals: 0)) s")
    }
    guard answer.isReached else {
      let last = answer.steps.last.map { percent($0.expectedError) } ?? ""
      Terminal.say(
        "not reached: \(last) after \(answer.steps.count) runs; raise `--target`, or lower `--noise`"
      )
      ExitStatus.no.exit()
    }
  }

  private func command(_ run: ServerRun, number: Int, model: String) -> String {
    var words = [
      "vllm bench serve --model \(model) --dataset-name random --random-input-len \(inputLen)",
      "--random-output-len \(outputLen) --ignore-eos --num-prompts \(run.requests.count)",
    ]
    if let clients = run.clients { words.append("--max-concurrency \(clients)") }
    if case .poisson(let rate) = run.arrivals { words.append("--request-rate \(rate)") }
    words.append("--save-result --save-detailed --result-filename \(number)-\(run.name).json")
    return words.joined(separator: " ")
  }

  private func range() throws -> ClosedRange<Int> {
    let ends = clients.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard ends.count == 2, let least = ends[0], let most = ends[1], 1 <= least, least <= most,
      most <= 65_536
    else {
      throw UserError("`--clients` must be a range up to 65536, as `1-64`, found `\(clients)`")
    }
    return least...most
  }

  private func percent(_ share: Double) -> String { Digits.fixed(share * 100, decimals: 1) + " %" }
}
