import CostModel
import Foundation
import KVMemory
import SimulationKernel

/// A model that drafts for itself with a budget of keys and values: MagicDec's law, on our prices of kernels.
///
///     speedup = Ω · T_T ⁄ (γ · T_D + T_V)      Ω = (1 − a^(γ+1)) ⁄ (1 − a)
///
/// T_T is a decode iteration at the whole context, T_D one that reads the budget alone, T_V one with γ + 1 queries for the
/// same keys and values.
///
/// - Source: MagicDec (arXiv 2408.11049) as summarised in our reference; what it keeps in the budget decides the
///   acceptance `a`, which is an input here.
package struct SelfDraft {
  private let prices: KernelCostModel
  let drafts: Int
  let budget: Int

  /// - Parameter budget: Tokens of a sequence that a draft attends to.
  package init(
    _ model: String, on device: String, gpus: Int, drafts: Int, budget: Int
  ) throws {
    let model = try ModelCatalogue.find(model).withoutWindows
    var deployment = PricedDeployment(
      model: model, device: try DeviceCatalogue.find(device),
      blockBytes: 16 * model.kvBytesPerToken(tensorParallel: gpus))
    deployment.tensorParallel = gpus
    deployment.draftTokens = drafts
    prices = try KernelCostModel(deployment)
    self.drafts = drafts
    self.budget = budget
  }

  /// Tokens of a verification in the mean, Ω, where each draft behind accepted ones is accepted with share `acceptance`.
  package static func tokens(drafts: Int, acceptance: Double) -> Double {
    acceptance == 1
      ? Double(drafts + 1) : (1 - pow(acceptance, Double(drafts + 1))) / (1 - acceptance)
  }

  private func seconds(_ batch: Int, context: Int, drafts: Int = 0) -> Double {
    var work = IterationWork()
    work.decode(batch, contextTokens: batch * context)
    work.draftTokens = batch * drafts
    work.sampledSequences = batch * (1 + drafts)
    return prices.duration(of: work).seconds
  }

  /// How many times as fast as one token at a time.
  package func speedup(batch: Int, context: Int, acceptance: Double) -> Double {
    let whole = seconds(batch, context: context)
    let drafting = Double(drafts) * seconds(batch, context: min(context, budget))
    let verifying = seconds(batch, context: context, drafts: drafts)
    return Self.tokens(drafts: drafts, acceptance: acceptance) * whole / (drafting + verifying)
  }

  /// The context, in steps of 250 tokens up to 32,000, from which on the speedup grows from one batch to a larger one;
  /// `nil` for none. Ω cancels, so that no acceptance is needed.
  package func criticalContext(from small: Int, to large: Int) -> Int? {
    stride(from: 250, through: 32_000, by: 250).first { context in
      speedup(batch: large, context: context, acceptance: 1)
        > speedup(batch: small, context: context, acceptance: 1)
    }
  }
}

extension ModelSpec {
  /// The same model whose layers attend to everything, as later releases of some do (Mistral 7B from 0.2 on).
  fileprivate var withoutWindows: ModelSpec {
    var model = self
    model.layers = LayerList(
      layers.runs.map { run in
        guard case .heads(let heads, _) = run.layer.attention else { return run }
        var layer = run.layer
        layer.attention = .heads(heads, .all)
        return .init(layer, count: run.count)
      })
    return model
  }
}
