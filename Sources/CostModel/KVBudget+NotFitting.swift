extension KVBudget {
  /// Why not one block fits: over all GPUs where the weights alone are too large, else on each.
  /// `nil` where one does.
  package func notFitting(_ inputs: Inputs) -> String? {
    guard blocks < 1 else { return nil }
    let usableBytes = deviceBytes - reserveBytes
    let gpus = "\(inputs.gpus) × `\(inputs.device.name)`"
    let reserve =
      inputs.engine.sharesWhatIsLeft
      ? "" : " after the \(percent(1 - inputs.utilization)) % reserve"
    guard weightBytes <= usableBytes else {
      let need = gigabytes(weightBytes * inputs.gpus)
      let leaves = gigabytes(usableBytes * inputs.gpus)
      return
        "the model does not fit: weights need \(need) GB but \(gpus) leaves \(leaves) GB\(reserve)"
    }
    let parts = [
      ("weights", weightBytes), ("activations", activationBytes),
      ("context", contextBytes), ("CUDA graphs", graphBytes),
      ("communication", communicationBytes), ("one block", blockBytes),
    ]
    let sum = parts.filter { $0.1 > 0 }.map { "\($0) \(size($1))" }.joined(separator: " + ")
    return "no KV block fits: \(sum) exceed the \(gigabytes(usableBytes)) GB that each of \(gpus) "
      + "leaves\(reserve)"
  }
}

/// Decimal gigabytes to one place, for text.
func gigabytes(_ bytes: Int) -> String {
  let tenths = (bytes + 50_000_000) / 100_000_000
  return "\(tenths / 10).\(tenths % 10)"
}

/// Decimal gigabytes, or megabytes below a tenth of one, to one place.
func size(_ bytes: Int) -> String {
  bytes >= 100_000_000 ? "\(gigabytes(bytes)) GB" : "\(gigabytes(bytes * 1000)) MB"
}

/// A share in per cent to at most one place: 10, 7.5.
private func percent(_ share: Double) -> String {
  let tenths = Int((share * 1000).rounded())
  return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
}
