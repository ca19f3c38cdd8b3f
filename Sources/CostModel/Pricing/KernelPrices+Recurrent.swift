extension KernelPrices {
  /// A layer with a state of delta rule on one of `tensorParallel` GPUs; `nil` where the profile has no kernels for it.
  ///
  /// Of several decode kernels the cheapest counts at each number of sequences, as engines choose by flags. Kimi's three
  /// convolutions of prompts were measured with the host's time; those of one kernel as wide stand for them.
  func recurrent(
    _ delta: ModelLayer.Recurrence.Delta, tensorParallel: Int
  ) -> MeasuredStates? {
    let keyHeads = Double(ceilingDivide(delta.keyHeads, tensorParallel))
    let heads = Double(ceilingDivide(delta.heads, tensorParallel))
    let columns = (2 * keyHeads + heads) * RecurrentState.headWidth
    let decoders = kernels(.recurrentDecode, delta.rule)
    guard !decoders.isEmpty, let prompt = kernels(.recurrentPrefill, delta.rule).first,
      let updating = convolution(delta.rule, "_update", launchShare: overheads.launchShare),
      let convolving = convolution(delta.rule, "_fn", launchShare: 1)
    else { return nil }
    // Tables have numbers of 32 bits: half as many bits move half the bytes.
    let moved = Double(delta.elementBytes) / 4
    let steps = decoders.map { profile in
      var form = RecurrentDecodeForm(limits, profile.values)
      form.isCold = true
      let table = isOwn ? profile.table : nil
      let saved = (1 - overheads.launchShare) * profile.values[0] * 1e-6
      // Kimi's fused kernel has the convolution inside.
      let convolves = profile.op.kernel?.contains("fused_kda") == true
      return { (sequences: Double) -> Double in
        let sizes = [sequences * moved, keyHeads, heads]
        let own = form.seconds(sizes) * (table?(sizes) ?? 1) - saved
        return convolves ? own : own + updating([sequences, columns, 1])
      }
    }
    let chunked = KernelForm(op: prompt.op, limits: limits)
    let table = isOwn ? prompt.table : nil
    return MeasuredStates { sequences in
      steps.lazy.map { $0(sequences) }.min()!
    } prompts: { sequences, tokens in
      let sizes = [sequences, keyHeads, heads, tokens]
      return chunked.seconds(prompt.values, sizes) * (table?(sizes) ?? 1)
        + convolving([sequences, columns, tokens])
    }
  }

  private func kernels(
    _ kind: KernelKind, _ rule: ModelLayer.Recurrence.Rule
  ) -> [OperatorProfile] {
    operators.filter { $0.op.kind == kind && $0.op.kernel?.hasPrefix("\(rule.rawValue)/") == true }
  }

  /// The convolution of a rule, or else of any, by the end of its kernel's name.
  private func convolution(
    _ rule: ModelLayer.Recurrence.Rule, _ suffix: String, launchShare: Double
  ) -> (([Double]) -> Double)? {
    let known = ([rule] + ModelLayer.Recurrence.Rule.allCases).lazy.flatMap {
      kernels(.convolution, $0)
    }
    guard let profile = known.first(where: { $0.op.kernel?.hasSuffix(suffix) == true })
    else { return nil }
    let form = ConvolutionForm(limits, profile.values)
    let table = isOwn ? profile.table : nil
    let saved = (1 - launchShare) * profile.values[0] * 1e-6
    return { form.seconds($0) * (table?($0) ?? 1) - saved }
  }
}
