import Messages

/// The GPUs that are known by name.
///
/// Memory is what an engine sees, PyTorch's total, in GiB to two places: of start-up logs and of messages that a device
/// is full, or from the same family (``DeviceSpec/MemoryEvidence``). Bandwidth and FLOP rates were read in public sources
/// (llm-analysis, aiconfigurator's system files) for A100, H100, H200, B200, L40S, A10G, MI300X and RTX PRO 6000; those
/// of all others are of the vendors' data sheets, from memory, as are PCIe, TDP, multiprocessors and caches throughout.
/// Link bandwidths are half of the two-way figure that vendors print.
package enum DeviceCatalogue {
  /// Every device, by vendor and generation.
  package static let all: [DeviceSpec] =
    ampereAndBefore + hopper + blackwell + paperEra + graphics + amd + withoutPrices

  /// The A100s with the software of the PagedAttention paper's experiments.
  private static let paperEra = ampereAndBefore.filter { $0.name.hasPrefix("a100-") }
    .map { $0.in2023() }

  /// Names that leave a word out, and what they may mean, the usual one first.
  private static let short = [
    "a100": ["a100-40gb", "a100-80gb"], "h100": ["h100-sxm", "h100-pcie"],
    "v100": ["v100-32gb"],
  ]

  /// The device called `name`: its catalogue name or an alias, in any letter case, with or without `NVIDIA`.
  ///
  /// - Parameter forMemory: Whether only the memory matters: a name may then leave out a word that it does not depend on.
  /// - Throws: ``UserError`` with the nearest name, or with those that a short name may mean.
  package static func find(_ name: String, forMemory: Bool = false) throws -> DeviceSpec {
    let wanted = name.lowercased()
    let found = all.first { device in
      device.name == wanted || device.aliases.contains { $0.lowercased() == wanted }
    }
    if let found { return found }
    guard let names = short[wanted] else {
      throw UserError.unknown(
        "device", name, among: all.map(\.name) + all.flatMap(\.aliases),
        listedBy: "kvplan catalog devices")
    }
    let meant = all.filter { names.contains($0.name) }
    if meant.count == 1 || (forMemory && Set(meant.map(\.memoryBytes)).count == 1) {
      return meant[0]
    }
    let differ = Set(meant.map(\.memoryBytes)).count == 1 ? "rates" : "memory"
    throw UserError(
      "`\(name)` may be \(names.map { "`\($0)`" }.joined(separator: " or ")), which differ in \(differ)",
      hint: "give one of them")
  }

  static let nebius = "Nebius on demand, SkyPilot catalogue v8"
  /// Table 2 of the paper, GPUs of 80 GB SXM and 48 GB with a CUDA context. It has an A100 too, on PCIe, which the catalogue
  /// lacks. Its seven H100s in production drew 145.5 W ± 11.2 W with a model loaded.
  static let parkingTax = "Vadari, The Model Parking Tax, arXiv 2605.23918, Table 2"
  static let lambda = "Lambda, quoted second-hand"
}
