import Foundation

/// What a kernel of any size takes on a device, from the device's profile, or, where it has none,
/// from the coefficients of a relative at this device's rates.
struct KernelPrices: Sendable {
  private struct Priced: Sendable {
    var form: KernelForm
    var coefficients: [Double]
    var table: Corrections?
  }

  let limits: DeviceLimits
  let operators: [OperatorProfile]
  let isOwn: Bool
  let overheads: EngineOverheads
  /// In place of a relative's kernels: no GPU is one of a processor.
  private let processor: ProcessorForm?
  var library: KernelLibrary { overheads.library }
  /// Whether products have a price for each number of rows, which may fall.
  var areSingle: Bool { processor != nil }

  /// - Parameter isOwn: Whether the profile was measured on this device; tables do not carry over.
  init(
    profile: DeviceProfile, device: DeviceSpec, isOwn: Bool, overheads: EngineOverheads
  ) {
    limits = DeviceLimits(device)
    operators = profile.operators
    self.isOwn = isOwn
    self.overheads = overheads
    processor =
      device.architecture == .cpu && !isOwn
      ? ProcessorForm(limits, arithmeticScale: overheads.promptScale) : nil
  }

  /// The nearest operator of the profile: its own, or one that differs in the fewest ways that
  /// matter. Without any of the kind, the typical coefficients.
  private func nearest(_ op: KernelOperator) -> (priced: Priced, isSame: Bool) {
    var best: (profile: OperatorProfile, distance: Int)?
    for candidate in operators where candidate.op.kind == op.kind {
      let other = candidate.op
      var distance = 0
      if other.elements != op.elements { distance += 8 }
      if other.isWindowed != op.isWindowed { distance += 4 }
      if other.isMultiHead != op.isMultiHead { distance += 2 }
      if other.isEager != op.isEager { distance += 1 }
      if other.gpus != op.gpus { distance += 4 + abs(other.gpus - op.gpus) }
      if other.library != op.library { distance += 1 }
      if other.headDim != op.headDim { distance += 1 + abs(other.headDim - op.headDim) / 64 }
      if distance < best?.distance ?? Int.max { best = (candidate, distance) }
    }
    let form = KernelForm(op: op, limits: limits)
    guard let best else {
      var typical = KernelForm.coefficients(op.kind).map(\.start)
      if op.kind == .allReduce, !limits.hasLink { typical = AllReduceForm.overPCIe }
      return (Priced(form: form, coefficients: typical, table: nil), false)
    }
    // Corrections for other widths of heads or elements say nothing about these; those of another engine's kernel for the
    // same latent vectors do.
    let isOtherLibrary = best.profile.op.library != op.library
    let isKin =
      best.distance == (isOtherLibrary ? 1 : 0)
      || best.profile.op.elements == op.elements && op.kind == .gemm
    let table = isOwn && isKin ? best.profile.table : nil
    return (
      Priced(form: form, coefficients: best.profile.values, table: table), best.distance == 0
    )
  }

  /// A price by sizes for one operator, looked up once and asked often.
  func product(_ elements: ElementType)
    -> @Sendable (_ m: Double, _ n: Double, _ k: Double) -> Double
  {
    let overheads = self.overheads
    if let processor {
      return { m, n, k in
        processor.product(m, n, k, elements) * overheads.productScale
      }
    }
    var op = KernelOperator(kind: .gemm)
    op.elements = elements
    let found = nearest(op).priced
    let form = GEMMForm(limits, elements, found.coefficients)
    // A fused quantisation leaves the launch of the product alone, as a 16-bit one has it.
    let isFused = overheads.fusesQuantisation && elements != .bfloat16
    let plain = nearest(KernelOperator(kind: .gemm)).priced.coefficients[0]
    let launch = (isFused ? min(found.coefficients[0], plain) : found.coefficients[0]) * 1e-6
    return { m, n, k in
      let sizes = [m, n, k]
      let whole = form.seconds(sizes)
      let correction = found.table?(sizes) ?? 1
      let quantisation = isFused ? form.quantisation(m, k) : 0
      let work = whole - found.coefficients[0] * 1e-6 - quantisation
      return (work * overheads.productScale(rows: m) + overheads.launchShare * launch) * correction
    }
  }

  /// Routed experts of one layer, by the tokens of the batch; `nil` where the profile has no kernel for their type.
  ///
  /// Of several kernels that were measured for the model, the cheapest at each count: engines pick by size and flags. A
  /// model that none was measured for takes the kernel with the most rows.
  func experts(_ shape: ExpertShape) -> (@Sendable (_ tokens: Int) -> Double)? {
    let overheads = self.overheads
    let known = operators.filter {
      guard $0.op.kind == .experts else { return false }
      if let chosen = overheads.expertKernel { return $0.op.kernel?.contains(chosen) ?? false }
      return $0.op.library == nil || $0.op.library == overheads.library
    }
    let tiers = MeasuredExperts.types(of: shape.format).map { types in
      known.filter { types.contains(MeasuredExperts.type(ofKernel: $0.op.kernel ?? "")) }
    }
    let measured = tiers.lazy.map { $0.filter { $0.hasMeasured(shape) } }.first { !$0.isEmpty }
    let chosen =
      measured ?? tiers.first { !$0.isEmpty }?.max { $0.rows < $1.rows }.map { [$0] } ?? []
    guard !chosen.isEmpty else { return nil }
    let prices = chosen.map { profile in
      (
        form: ExpertsForm(limits, shape.format.elements, profile.values), profile: profile,
        table: isOwn ? profile.table : nil
      )
    }
    return { tokens in
      let sizes = shape.sizes(tokens: tokens)
      let rows = sizes[0] * sizes[3] / sizes[4]
      // Profiles carry corrections under the skew of real traffic, which stand for those of even loads too.
      let tabulated: [Double] = sizes.dropLast() + [ExpertLoads.typicalSkew]
      return prices.lazy.map { price in
        let launch = price.profile.values[0] * 1e-6
        let work = price.form.seconds(sizes) - launch
        return
          (work * overheads.expertScale * overheads.productScale(rows: rows) + overheads.launchShare
          * launch)
          * (price.table?(tabulated) ?? 1)
      }.min()!
    }
  }

  /// Decode attention of one layer with nothing in the cache, by sequences and mean context.
  func decode(
    _ op: KernelOperator, heads: Double, kvHeads: Double, window: Double
  ) -> (_ sequences: Double, _ context: Double) -> Double {
    let scale = overheads.attentionScale * overheads.unevenContexts
    if let processor {
      let shape = ProcessorForm.Attention(op, heads: heads, kvHeads: kvHeads, window: window)
      return { sequences, context in
        sequences * processor.attention(shape, tokens: 1, context: context - 1) * scale
      }
    }
    let found = nearest(op).priced
    var form = DecodeAttentionForm(limits, op, found.coefficients)
    form.isCold = true
    let saved = (1 - overheads.launchShare) * found.coefficients[0] * 1e-6
    return { sequences, context in
      let sizes = [sequences, heads, kvHeads, max(context, 1), window]
      return (form.seconds(sizes) * (found.table?(sizes) ?? 1) - saved) * scale
    }
  }

  /// Whether the profile has kernels of that kind.
  func has(_ kind: KernelKind) -> Bool { operators.contains { $0.op.kind == kind } }

  /// Decode attention on latent vectors of one layer, by sequences and mean context.
  func latentDecode(
    _ op: KernelOperator, heads: Double
  ) -> (_ sequences: Double, _ context: Double) -> Double {
    let found = nearest(op).priced
    let form = LatentDecodeForm(limits, op, found.coefficients)
    let saved = (1 - overheads.launchShare) * found.coefficients[0] * 1e-6
    let scale = overheads.attentionScale * overheads.unevenContexts
    return { sequences, context in
      let sizes = [sequences, heads, max(context, 1)]
      return (form.seconds(sizes) * (found.table?(sizes) ?? 1) - saved) * scale
    }
  }

  /// Prefill attention of one layer without its launch, by new tokens and context, and the launch.
  func prefill(
    _ op: KernelOperator, heads: Double, kvHeads: Double, window: Double
  ) -> (work: (_ tokens: Double, _ context: Double) -> Double, launch: Double) {
    if let processor {
      let shape = ProcessorForm.Attention(op, heads: heads, kvHeads: kvHeads, window: window)
      let scale = overheads.attentionScale
      return ({ processor.attention(shape, tokens: $0, context: $1) * scale }, 0)
    }
    let found = nearest(op).priced
    let form = PrefillAttentionForm(limits, op, found.coefficients)
    let scale = overheads.attentionScale * overheads.promptScale
    let work = { (tokens: Double, context: Double) -> Double in
      let sizes = [1, heads, kvHeads, tokens, context, window]
      return form.work(sizes) * (found.table?(sizes) ?? 1) * scale
    }
    return (work, found.coefficients[0] * 1e-6)
  }

  /// Decode attention of one layer in a launch that a prompt's chunk shares, by sequences, mean
  /// context and the chunk's tokens; `nil` where the profile does not know it: then the parts add.
  func decodeBesidePrompt(
    _ op: KernelOperator, heads: Double, kvHeads: Double
  ) -> ((_ sequences: Double, _ context: Double, _ tokens: Double) -> Double)? {
    guard processor == nil, has(.decodeBesidePrompt) else { return nil }
    let found = nearest(op).priced
    let form = DecodeBesidePromptForm(limits, op, found.coefficients)
    let scale = overheads.attentionScale * overheads.unevenContexts
    return { sequences, context, tokens in
      let sizes = [sequences, heads, kvHeads, context, tokens]
      return form.seconds(sizes) * (found.table?(sizes) ?? 1) * scale
    }
  }

  /// A sum over GPUs by bytes: replayed from a graph for small batches, issued by the host for
  /// large ones. Over more GPUs than links join, the network between servers comes on top.
  func allReduce(gpus: Int, isEager: Bool) -> (_ bytes: Double) -> Double {
    let servers = ceilingDivide(gpus, limits.linkedGPUs)
    let gpusOfEach = ceilingDivide(gpus, servers)
    var op = KernelOperator(kind: .allReduce)
    op.gpus = gpusOfEach
    op.isEager = isEager
    let found = nearest(op).priced
    let form = AllReduceForm(limits, op, found.coefficients)
    let scale = overheads.allReduceScale
    let inside = { form.seconds([$0]) * (found.table?([$0]) ?? 1) * scale }
    guard servers > 1 else { return inside }
    let network = overheads.network
    return {
      inside($0) + network.allReduceSeconds(bytes: $0, servers: servers, gpusOfEach: gpusOfEach)
    }
  }

  /// What collects tokens of all ranks for experts that these share and hands sums back, by the bytes of all tokens; `nil`
  /// where the profile has none.
  ///
  /// - Source: SGLang, vLLM (its default) and TensorRT-LLM (without links between servers) call NCCL for both.
  func gather(gpus: Int) -> ((_ bytes: Double) -> Double)? {
    guard gpus <= limits.linkedGPUs, operators.contains(where: { $0.op.kind == .gather }) else {
      return nil
    }
    var op = KernelOperator(kind: .gather)
    op.gpus = gpus
    let found = nearest(op).priced
    let form = AllReduceForm(limits, op, found.coefficients)
    return { form.seconds([$0]) * (found.table?([$0]) ?? 1) }
  }

  /// A kernel that only moves bytes.
  func streaming() -> (_ bytes: Double) -> Double {
    if let processor { return processor.streaming }
    let found = nearest(KernelOperator(kind: .streaming)).priced
    let form = StreamingForm(limits, found.coefficients)
    let saved = (1 - overheads.launchShare) * found.coefficients[0] * 1e-6
    return { max(form.seconds([$0]) - saved, 0) }
  }
}

extension OperatorProfile {
  /// Whether a kernel of experts was measured for the model that they are of, however cut.
  fileprivate func hasMeasured(_ shape: ExpertShape) -> Bool {
    let wanted = [shape.hidden, shape.experts.activeExperts, shape.experts.experts].map(Double.init)
    return shapes?.contains { [$0[0], $0[2], $0[3]] == wanted } ?? false
  }
}
