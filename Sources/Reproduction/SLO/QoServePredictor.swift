import CostModel
import SimulationKernel

/// What an iteration of Llama-3-8B takes on an A100 by QoServe's published fit of its engine, Sarathi-Serve, so that what
/// differs from a paper that measured this engine is order of service or overlap, not price.
///
/// Two planes over tokens, those of prompts and of decodes, and what each of the two attends to; one up to 512 tokens, one
/// above, which meet within 5 %.
///
/// - Source: the predictor in `deadline_scheduler.py` of microsoft/sarathi-serve at 72339db (Goel et al., ASPLOS 2026). More
///   GPUs than one, and attention of prompts beside that of decodes, are ours: see ``init(gpus:sideBySide:)``.
final class QoServePredictor: IterationCostModel {
  /// Seconds, and seconds a token.
  private struct Plane {
    var constant, token, promptToken, decode, decodeContext, promptContext: Double
  }

  private static let small = Plane(
    constant: 0.014936, token: 5.88e-5, promptToken: 2.25e-5, decode: 3.63e-5,
    decodeContext: 1.11e-7, promptContext: 7.55e-7)
  private static let large = Plane(
    constant: 0.005004, token: 2.72e-5, promptToken: 6.86e-5, decode: -4.14e-5,
    decodeContext: 1.66e-7, promptContext: 2.73e-6)
  private static let smallTokensMax = 512

  private let gpus: Double
  private let sideBySide: Bool

  let profile = CostProfile(
    name: "qoserve/a100", isCalibrated: true, error: "its authors' fit; its error is not recorded")

  /// - Parameters:
  ///   - gpus: Among which tensor parallelism divides all but the constants of the planes.
  ///   - sideBySide: Whether the longer of what prompts and decodes attend to counts (POD-Attention), in place of both.
  init(gpus: Int = 1, sideBySide: Bool = false) {
    self.gpus = Double(gpus)
    self.sideBySide = sideBySide
  }

  func duration(of work: IterationWork) -> SimDuration {
    let tokens = work.batchedTokens
    guard tokens > 0 else { return .zero }
    let plane = tokens <= Self.smallTokensMax ? Self.small : Self.large
    let decodes = work.decodeSequences
    let promptContext = work.prefillChunks.reduce(0) { $0 + $1.contextTokens }
    let attended = (
      prompts: plane.promptContext * Double(promptContext),
      decodes: plane.decodeContext * Double(work.decodeContextTokens)
    )
    let shared =
      plane.token * Double(tokens) + plane.promptToken * Double(tokens - decodes)
      + plane.decode * Double(decodes)
      + (sideBySide
        ? max(attended.prompts, attended.decodes) : attended.prompts + attended.decodes)
    return SimDuration(rounding: plane.constant + shared / gpus)
  }
}
