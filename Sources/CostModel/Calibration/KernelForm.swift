import Foundation

/// The physical formula of an operator on a device: a few positive coefficients, all of them times,
/// or shares of the device's data-sheet rates, so that they carry over to a device of the same
/// make.
struct KernelForm: Sendable {
  let op: KernelOperator
  let limits: DeviceLimits

  struct Coefficient: Equatable, Sendable {
    var name: String
    var start: Double

    init(_ name: String, _ start: Double) {
      self.name = name
      self.start = start
    }
  }

  /// The coefficients of each kind, in order, with values typical of recent GPUs.
  static func coefficients(_ kind: KernelKind) -> [Coefficient] {
    switch kind {
    case .gemm: GEMMForm.coefficients
    case .decodeAttention: DecodeAttentionForm.coefficients
    case .prefillAttention, .latentPrefill: PrefillAttentionForm.coefficients
    case .latentDecode: LatentDecodeForm.coefficients
    case .decodeBesidePrompt: DecodeBesidePromptForm.coefficients
    case .allReduce, .gather: AllReduceForm.coefficients
    case .streaming: StreamingForm.coefficients
    case .experts: ExpertsForm.coefficients
    case .recurrentDecode: RecurrentDecodeForm.coefficients
    case .recurrentPrefill: RecurrentPrefillForm.coefficients
    case .convolution: ConvolutionForm.coefficients
    }
  }

  /// Where a fit starts. Some decode kernels split every context, some only long ones and some none,
  /// which no small step turns into each other: all are tried.
  ///
  /// Rows too short to be split fit both as well, and the longer ones to come are split: none at all has to be a tenth
  /// better. (Without, the B200's 64-wide kernels, which split from 16,000 tokens on, are 21 % off beyond the rows up
  /// to there, with it 8 %.)
  static func starts(_ kind: KernelKind) -> [CurveFit.Start] {
    let typical = coefficients(kind).map(\.start)
    if kind == .latentDecode {
      return [0.25, 2, 16].map { .init(coefficients: typical.dropLast() + [$0]) }
    }
    guard kind == .decodeAttention else { return [.init(coefficients: typical)] }
    return [1, 4, 16, 64].map { .init(coefficients: typical.dropLast() + [$0]) }
      + [.init(coefficients: typical.dropLast() + [100_000], handicap: 1.1)]
  }

  /// Seconds of a call of these sizes.
  func seconds(_ coefficients: [Double], _ sizes: [Double]) -> Double {
    switch op.kind {
    case .gemm: GEMMForm(limits, op.elements, coefficients).seconds(sizes)
    case .decodeAttention: DecodeAttentionForm(limits, op, coefficients).seconds(sizes)
    case .prefillAttention, .latentPrefill:
      PrefillAttentionForm(limits, op, coefficients).seconds(sizes)
    case .latentDecode: LatentDecodeForm(limits, op, coefficients).seconds(sizes)
    case .decodeBesidePrompt: DecodeBesidePromptForm(limits, op, coefficients).seconds(sizes)
    case .allReduce, .gather: AllReduceForm(limits, op, coefficients).seconds(sizes)
    case .streaming: StreamingForm(limits, coefficients).seconds(sizes)
    case .experts: ExpertsForm(limits, op.elements, coefficients).seconds(sizes)
    case .recurrentDecode: RecurrentDecodeForm(limits, coefficients).seconds(sizes)
    case .recurrentPrefill: RecurrentPrefillForm(limits, coefficients).seconds(sizes)
    case .convolution: ConvolutionForm(limits, coefficients).seconds(sizes)
    }
  }
}

/// The data-sheet figures that formulas measure efficiency against.
struct DeviceLimits: Equatable, Sendable {
  /// Dense 16-bit FLOP/s.
  var tensorRate: Double
  /// Dense 8-bit and 4-bit FLOP/s; where hardware has none, the next wider rate.
  var tensorRate8: Double
  var tensorRate4: Double
  /// Bytes per second.
  var memoryBandwidth: Double
  /// Bytes per second and direction to the other GPUs.
  var linkBandwidth: Double
  /// Whether GPUs have a link of their own; without, they talk over PCIe.
  var hasLink: Bool
  /// GPUs that the links join.
  var linkedGPUs: Int
  var multiprocessors: Double
  /// Last-level cache, bytes.
  var cacheBytes: Double

  init(_ device: DeviceSpec) {
    tensorRate = device.tensorRate
    tensorRate8 = device.tensorRate8 ?? device.tensorRate
    tensorRate4 = device.tensorRate4 ?? device.tensorRate8 ?? device.tensorRate
    memoryBandwidth = device.memoryBandwidth
    linkBandwidth = device.linkBandwidth ?? device.pcieBandwidth
    hasLink = device.linkBandwidth != nil
    linkedGPUs = device.linkedGPUs
    multiprocessors = Double(device.multiprocessors)
    cacheBytes = device.cacheBytes
  }

  /// FLOP/s of products whose operands are `elements`; 4-bit integers are widened to 16 bits first.
  func rate(_ elements: ElementType) -> Double {
    switch elements {
    case .bfloat16, .int4: tensorRate
    case .fp8, .int8: tensorRate8
    case .nvfp4: tensorRate4
    }
  }
}

/// The longer of two times that overlap in part: (aᵖ + bᵖ)^(1/p), the sum for p = 1 and the maximum
/// for p → ∞.
@inline(__always)
func overlapped(_ a: Double, _ b: Double, _ p: Double) -> Double {
  let larger = max(a, b)
  guard larger > 0 else { return 0 }
  let ratio = min(a, b) / larger
  return ratio < 1e-3 ? larger : larger * pow(1 + pow(ratio, p), 1 / p)
}
