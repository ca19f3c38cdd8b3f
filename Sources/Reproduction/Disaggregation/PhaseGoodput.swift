import CostModel
import Fleet
import Messages
import Planning
import Serving
import Workload

/// What one GPU sustains of both phases together, of each by itself, and of both on GPUs of their own.
///
/// - Source: DistServe (arXiv 2401.09670), Figure 1: a model of 13B parameters on one A100 of 80 GB, prompts of 512 and
///   outputs of 64 tokens, 90 % of the requests within 0.4 s to the first token and 0.04 s a token.
struct PhaseGoodput: Sendable {
  static let prefillCount = 2
  private static let model = "opt-13b"
  private static let device = "a100-80gb@2023"
  private static let serviceLevel = "ttft.p90<=400ms, tpot.p90<=40ms"
  private static let requests = 2000
  /// Replicas that prefill beside the one whose decodes are looked at: more than it can take from.
  private static let prefillAmple = 6

  /// Requests a second on one GPU: colocated, prompts only, decodes only.
  var colocated: Double
  var prefillOnly: Double
  var decodeOnly: Double
  /// Requests a second on ``prefillCount`` GPUs that prefill and one that decodes.
  var apart: Double

  var apartPerGPU: Double { apart / Double(Self.prefillCount + 1) }

  static func measure(seed: UInt64) throws -> PhaseGoodput {
    let model = try ModelCatalogue.find(model)
    let device = try DeviceCatalogue.find(device)
    let level = try ServiceLevel(serviceLevel, model: model)
    func trace(outputs: Int32) -> Trace {
      Trace(
        name: "512/\(outputs)",
        requests: Array(
          repeating: Request(promptTokens: 512, outputTokens: outputs), count: requests),
        hasArrivals: false)
    }
    let whole = Scenario(system: .vllm02, model: model, device: device)
    let part = Scenario(system: .vllmV1, model: model, device: device)
    let cases: [(deployment: Deployment, trace: Trace)] = [
      (Deployment(whole), trace(outputs: 64)), (Deployment(part), trace(outputs: 1)),
      (.apart(part, part, prefill: prefillAmple, decode: 1), trace(outputs: 64)),
      (.apart(part, part, prefill: prefillCount, decode: 1), trace(outputs: 64)),
    ]
    let rates = try Parallel.map(cases) { deployment, trace in
      try deployment.goodput(of: trace, within: level, seed: seed)
    }
    return PhaseGoodput(
      colocated: rates[0], prefillOnly: rates[1], decodeOnly: rates[2], apart: rates[3])
  }

  /// How much more a GPU sustains of a chatbot where the phases are apart, at the better of 1 + 1 and 2 + 1 GPUs.
  ///
  /// - Source: Table 1 of DistServe: OPT-13B, ShareGPT, 0.25 s and 0.1 s a token, 90 % of the requests.
  static func chatbotGain(seed: UInt64) throws -> Double {
    let model = try ModelCatalogue.find(model)
    let device = try DeviceCatalogue.find(device)
    let level = try ServiceLevel("ttft<=250ms, tpot<=100ms, attainment>=0.9", model: model)
    let trace = try TraceGenerator.generate(
      TraceRecipe(lengths: .preset(.sharegpt), count: requests, seed: seed))
    let part = Scenario(system: .vllmV1, model: model, device: device)
    let deployments = [
      Deployment(Scenario(system: .vllm02, model: model, device: device)),
      .apart(part, part, prefill: 1, decode: 1), .apart(part, part, prefill: 2, decode: 1),
    ]
    let perGPU = try Parallel.map(deployments) { deployment in
      try deployment.goodput(of: trace, within: level, seed: seed) / Double(deployment.gpus)
    }
    return max(perGPU[1], perGPU[2]) / perGPU[0]
  }
}

extension Deployment {
  /// Replicas that prefill for others that decode.
  ///
  /// - Parameter link: What these read over; free unless given.
  static func apart(
    _ prompts: Scenario, _ decodes: Scenario, prefill: Int, decode: Int, link: KVLink = .free
  ) -> Deployment {
    var sides = [Group(prompts, count: prefill), Group(decodes, count: decode)]
    (sides[0].role, sides[1].role) = (.prefill, .decode)
    var deployment = Deployment(groups: sides, router: .leastOutstanding)
    deployment.link = link
    return deployment
  }

  /// The highest rate at which the targets hold and no queue grows, requests per second.
  func goodput(
    of trace: Trace, within level: ServiceLevel, firstGuess: Double = 4,
    tolerance: Double = 0.02, seed: UInt64
  ) throws -> Double {
    let probe = RateProbe(
      try PreparedDeployment(self), trace: trace, serviceLevel: level)
    return try CapacitySearch(probe, firstGuess: firstGuess, tolerance: tolerance)
      .run(seeds: [seed]).rate
  }
}
