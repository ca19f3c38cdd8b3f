extension CostProfile {
  /// What a device's profile holds no measurements of, in words: stored narrow types whose kernels
  /// are priced by formula, at data-sheet rates and the efficiencies of 16-bit kernels.
  ///
  /// - Parameter own: The user's profile; `nil` for the one that the tool carries.
  /// - Throws: As ``KernelCostModel/init(_:ownProfile:)`` for a profile of another device.
  package static func unmeasured(
    device: DeviceSpec, own: DeviceProfile?, weights: ElementType, kvCache: ElementType
  ) throws -> [String] {
    let operators = try ProfileChoice(device: device, own: own).profile.operators.map(\.op)
    func isMeasured(_ kind: KernelKind, _ elements: ElementType) -> Bool {
      elements == .bfloat16 || operators.contains { $0.kind == kind && $0.elements == elements }
    }
    var missing: [String] = []
    if !isMeasured(.gemm, weights) { missing.append("\(weights.rawValue) products") }
    if !isMeasured(.decodeAttention, kvCache) {
      missing.append("attention on a \(kvCache.rawValue) KV cache")
    }
    return missing
  }
}
