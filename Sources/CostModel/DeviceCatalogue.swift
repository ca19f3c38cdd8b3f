import Messages

/// The GPUs that are known by name.
///
/// Memory, bandwidth and FLOP rates were read in public sources (llm-analysis, aiconfigurator's
/// system files), but for the L4 and RTX 4090, which are from memory, as are PCIe, TDP,
/// multiprocessors and caches throughout. Link bandwidths are half of the two-way figure that vendors print.
package enum DeviceCatalogue {
  /// Every device, by vendor and generation.
  package static let all: [DeviceSpec] = dataCentre + paperEra + others

  /// The A100s with the software of the PagedAttention paper's experiments.
  private static let paperEra = dataCentre.filter { $0.name.hasPrefix("a100-") }.map { $0.in2023() }

  /// The device called `name`: its catalogue name or an alias, in any letter case.
  ///
  /// - Throws: ``UserError`` with the nearest name.
  package static func find(_ name: String) throws -> DeviceSpec {
    let wanted = name.lowercased()
    let found = all.first { device in
      device.name == wanted || device.aliases.contains { $0.lowercased() == wanted }
    }
    if let found { return found }
    throw UserError.unknown(
      "device", name, among: all.map(\.name) + all.flatMap(\.aliases),
      listedBy: "kvplan catalog devices")
  }

  private static let nebius = "Nebius on demand, SkyPilot catalogue v8"
  private static let lambda = "Lambda, quoted second-hand"

  /// NVIDIA SXM and H100 PCIe.
  ///
  /// The A100s carry the memory that a driver reports: from memory, but supported by all three
  /// columns of the PagedAttention paper's Table 1, which these totals and no others tried
  /// reproduce. The B200 is listed at 180 and 192 GB, 7.7 and 8.0 TB/s; the smaller of each is
  /// taken.
  private static let dataCentre: [DeviceSpec] = [
    DeviceSpec(
      name: "a100-40gb",
      aliases: ["A100-SXM4-40GB", "NVIDIA A100-SXM4-40GB"],
      memoryBytes: 42_298_834_944, memoryEvidence: .reported, memoryBandwidth: 1555e9,
      tensorRate: 312e12, tensorRate8: 624e12,
      multiprocessors: 108, cacheBytes: 40e6,
      linkBandwidth: 300e9, pcieBandwidth: 32e9, tdpWatts: 400,
      price: .init(dollarsPerHour: 1.1, source: lambda)),
    DeviceSpec(
      name: "a100-80gb",
      aliases: ["a100_sxm", "A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB"],
      memoryBytes: 84_987_740_160, memoryEvidence: .reported, memoryBandwidth: 2039e9,
      tensorRate: 312e12, tensorRate8: 624e12,
      multiprocessors: 108, cacheBytes: 40e6,
      linkBandwidth: 300e9, pcieBandwidth: 32e9, tdpWatts: 400,
      price: .init(dollarsPerHour: 1.99, source: lambda)),
    DeviceSpec(
      name: "h100-sxm",
      aliases: ["h100_sxm", "H100-SXM5-80GB", "NVIDIA H100 80GB HBM3"],
      memoryBytes: 80_000_000_000, memoryBandwidth: 3350e9,
      tensorRate: 989e12, tensorRate8: 1979e12,
      multiprocessors: 132, cacheBytes: 50e6,
      linkBandwidth: 450e9, pcieBandwidth: 64e9, tdpWatts: 700,
      price: .init(dollarsPerHour: 2.95, source: nebius)),
    DeviceSpec(
      name: "h100-pcie",
      aliases: ["h100_pcie", "NVIDIA H100 PCIe"],
      memoryBytes: 80_000_000_000, memoryBandwidth: 2000e9,
      tensorRate: 756e12, tensorRate8: 1513e12,
      multiprocessors: 114, cacheBytes: 50e6,
      linkBandwidth: 300e9, pcieBandwidth: 64e9, tdpWatts: 350,
      price: .init(dollarsPerHour: 2.49, source: lambda)),
    DeviceSpec(
      name: "h200-sxm",
      aliases: ["h200_sxm", "h200", "NVIDIA H200"],
      memoryBytes: 141_000_000_000, memoryBandwidth: 4800e9,
      tensorRate: 989e12, tensorRate8: 1979e12,
      multiprocessors: 132, cacheBytes: 50e6,
      linkBandwidth: 450e9, pcieBandwidth: 64e9, tdpWatts: 700,
      price: .init(dollarsPerHour: 3.5, source: nebius)),
    DeviceSpec(
      name: "b200",
      aliases: ["b200_sxm", "b200-sxm", "NVIDIA B200"],
      memoryBytes: 180_000_000_000, memoryBandwidth: 7700e9,
      tensorRate: 2250e12, tensorRate8: 4500e12, tensorRate4: 9000e12,
      multiprocessors: 148, cacheBytes: 126e6,
      linkBandwidth: 900e9, pcieBandwidth: 64e9, tdpWatts: 1000,
      price: .init(dollarsPerHour: 5.5, source: nebius)),
  ]

  /// Cards without NVLink, and AMD's.
  ///
  /// RTX 4090: the rate with 32-bit accumulation, half of the 16-bit one. RTX PRO 6000: 97,887 MiB
  /// as reported. RunPod asks 0.34-0.69 $/h for the RTX 4090 and 2-3 for the MI300X: a range is no
  /// price.
  private static let others: [DeviceSpec] = [
    DeviceSpec(
      name: "l4",
      aliases: ["NVIDIA L4"],
      memoryBytes: 24_000_000_000, memoryBandwidth: 300e9,
      tensorRate: 121e12, tensorRate8: 242e12,
      multiprocessors: 58, cacheBytes: 48e6,
      pcieBandwidth: 32e9, tdpWatts: 72,
      price: .init(dollarsPerHour: 0.8, source: lambda)),
    DeviceSpec(
      name: "l40s",
      aliases: ["NVIDIA L40S"],
      memoryBytes: 48_000_000_000, memoryBandwidth: 864e9,
      tensorRate: 362e12, tensorRate8: 733e12,
      multiprocessors: 142, cacheBytes: 96e6,
      pcieBandwidth: 32e9, tdpWatts: 350,
      price: .init(dollarsPerHour: 1.55, source: nebius)),
    DeviceSpec(
      name: "a10g",
      aliases: ["NVIDIA A10G"],
      memoryBytes: 24_000_000_000, memoryBandwidth: 600e9,
      tensorRate: 70e12,
      multiprocessors: 80, cacheBytes: 6e6,
      pcieBandwidth: 32e9, tdpWatts: 300,
      price: .init(dollarsPerHour: 1.006, source: "AWS g5.xlarge, unverified")),
    DeviceSpec(
      name: "mi300x",
      aliases: ["AMD Instinct MI300X"],
      memoryBytes: 192_000_000_000, memoryBandwidth: 5300e9,
      tensorRate: 1307e12, tensorRate8: 2615e12,
      multiprocessors: 304, cacheBytes: 256e6,
      linkBandwidth: 448e9, pcieBandwidth: 64e9, tdpWatts: 750),
    DeviceSpec(
      name: "rtx-4090",
      aliases: ["rtx_4090", "NVIDIA GeForce RTX 4090"],
      memoryBytes: 24_000_000_000, memoryBandwidth: 1008e9,
      tensorRate: 165e12, tensorRate8: 330e12,
      multiprocessors: 128, cacheBytes: 72e6,
      pcieBandwidth: 32e9, tdpWatts: 450),
    DeviceSpec(
      name: "rtx-pro-6000",
      aliases: ["rtx_pro_6000_server", "rtx_pro_6000", "RTXPRO6000"],
      memoryBytes: 102_641_958_912, memoryEvidence: .reported, memoryBandwidth: 1792e9,
      tensorRate: 467.8e12, tensorRate8: 935.6e12,
      multiprocessors: 188, cacheBytes: 128e6,
      pcieBandwidth: 64e9, tdpWatts: 600),
  ]
}
