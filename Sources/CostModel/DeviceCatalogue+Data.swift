extension DeviceCatalogue {
  /// NVIDIA data-centre cards up to Ada.
  ///
  /// The A100s carry totals that all three columns of the PagedAttention paper's Table 1 support, which these and no
  /// others tried reproduce. The L40 is taken to see what the L40S does, the A10 what the A10G does (22.0 to 22.2 in
  /// messages).
  static let ampereAndBefore: [DeviceSpec] = [
    DeviceSpec(
      name: "a100-40gb",
      aliases: ["A100-SXM4-40GB", "NVIDIA A100-SXM4-40GB"],
      memoryBytes: 42_298_834_944, architecture: .ampere, memoryBandwidth: 1555e9,
      tensorRate: 312e12, tensorRate8: 624e12,
      multiprocessors: 108, cacheBytes: 40e6,
      linkBandwidth: 300e9, pcieBandwidth: 32e9, tdpWatts: 400,
      price: .init(dollarsPerHour: 1.1, source: lambda)),
    DeviceSpec(
      name: "a100-80gb",
      aliases: ["a100_sxm", "A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB"],
      memoryBytes: 84_987_740_160, architecture: .ampere, memoryBandwidth: 2039e9,
      tensorRate: 312e12, tensorRate8: 624e12,
      multiprocessors: 108, cacheBytes: 40e6,
      linkBandwidth: 300e9, pcieBandwidth: 32e9, tdpWatts: 400,
      price: .init(dollarsPerHour: 1.99, source: lambda)),
    DeviceSpec(
      name: "a800-80gb",
      aliases: ["NVIDIA A800-SXM4-80GB"],
      memoryBytes: 84_987_740_160, memoryEvidence: .derived, architecture: .ampere,
      memoryBandwidth: 2039e9,
      tensorRate: 312e12, tensorRate8: 624e12,
      multiprocessors: 108, cacheBytes: 40e6,
      linkBandwidth: 200e9, pcieBandwidth: 32e9, tdpWatts: 400),
    DeviceSpec(
      name: "v100-32gb",
      aliases: ["Tesla V100-SXM2-32GB", "V100-SXM2-32GB"],
      memoryBytes: gibibytes(31.73), architecture: .volta, memoryBandwidth: 900e9,
      tensorRate: 125e12,
      multiprocessors: 80, cacheBytes: 6e6,
      linkBandwidth: 150e9, pcieBandwidth: 16e9, tdpWatts: 300),
    DeviceSpec(
      name: "t4",
      aliases: ["Tesla T4", "NVIDIA T4"],
      memoryBytes: gibibytes(14.56), architecture: .turing, memoryBandwidth: 320e9,
      tensorRate: 65e12, tensorRate8: 130e12,
      multiprocessors: 40, cacheBytes: 4e6,
      pcieBandwidth: 16e9, tdpWatts: 70),
    DeviceSpec(
      name: "a10",
      aliases: ["NVIDIA A10"],
      memoryBytes: gibibytes(22.06), architecture: .ampere, memoryBandwidth: 600e9,
      tensorRate: 125e12, tensorRate8: 250e12,
      multiprocessors: 72, cacheBytes: 6e6,
      pcieBandwidth: 32e9, tdpWatts: 150),
    DeviceSpec(
      name: "a10g",
      aliases: ["NVIDIA A10G"],
      memoryBytes: gibibytes(22.06), architecture: .ampere, memoryBandwidth: 600e9,
      tensorRate: 70e12,
      multiprocessors: 80, cacheBytes: 6e6,
      pcieBandwidth: 32e9, tdpWatts: 300,
      price: .init(dollarsPerHour: 1.006, source: "AWS g5.xlarge, unverified")),
    DeviceSpec(
      name: "a40",
      aliases: ["NVIDIA A40"],
      memoryBytes: gibibytes(44.42), memoryEvidence: .derived, architecture: .ampere,
      memoryBandwidth: 696e9,
      tensorRate: 149.7e12, tensorRate8: 299.3e12,
      multiprocessors: 84, cacheBytes: 6e6,
      linkBandwidth: 56e9, pcieBandwidth: 32e9, tdpWatts: 300),
    DeviceSpec(
      name: "l4",
      aliases: ["NVIDIA L4"],
      memoryBytes: gibibytes(22.03), architecture: .ada, memoryBandwidth: 300e9,
      tensorRate: 121e12, tensorRate8: 242e12,
      multiprocessors: 58, cacheBytes: 48e6,
      pcieBandwidth: 32e9, tdpWatts: 72,
      price: .init(dollarsPerHour: 0.8, source: lambda)),
    DeviceSpec(
      name: "l40",
      aliases: ["NVIDIA L40"],
      memoryBytes: gibibytes(44.40), memoryEvidence: .derived, architecture: .ada,
      memoryBandwidth: 864e9,
      tensorRate: 181e12, tensorRate8: 362e12,
      multiprocessors: 142, cacheBytes: 96e6,
      pcieBandwidth: 32e9, tdpWatts: 300),
    DeviceSpec(
      name: "l40s",
      aliases: ["NVIDIA L40S"],
      memoryBytes: gibibytes(44.40), architecture: .ada, memoryBandwidth: 864e9,
      tensorRate: 362e12, tensorRate8: 733e12,
      multiprocessors: 142, cacheBytes: 96e6,
      pcieBandwidth: 32e9, tdpWatts: 350, idlePower: .init(watts: 102.1, source: parkingTax),
      price: .init(dollarsPerHour: 1.55, source: nebius)),
  ]

  /// NVIDIA Hopper.
  ///
  /// H100: 79.18 in four logs; 79.11 to 79.25 elsewhere. PCIe and the H800 are taken to see the same. H20: of the
  /// 97,871 MiB that its driver lists PyTorch sees 0.47 GiB less on an H100. GH200: with 96 GB.
  static let hopper: [DeviceSpec] = [
    DeviceSpec(
      name: "h100-sxm",
      aliases: ["h100_sxm", "H100-SXM5-80GB", "NVIDIA H100 80GB HBM3"],
      memoryBytes: gibibytes(79.18), architecture: .hopper, memoryBandwidth: 3350e9,
      tensorRate: 989e12, tensorRate8: 1979e12,
      multiprocessors: 132, cacheBytes: 50e6,
      linkBandwidth: 450e9, pcieBandwidth: 64e9, tdpWatts: 700,
      idlePower: .init(watts: 121.7, source: parkingTax),
      price: .init(dollarsPerHour: 2.95, source: nebius)),
    DeviceSpec(
      name: "h100-pcie",
      aliases: ["h100_pcie", "NVIDIA H100 PCIe"],
      memoryBytes: gibibytes(79.18), memoryEvidence: .derived, architecture: .hopper,
      memoryBandwidth: 2000e9,
      tensorRate: 756e12, tensorRate8: 1513e12,
      multiprocessors: 114, cacheBytes: 50e6,
      linkBandwidth: 300e9, pcieBandwidth: 64e9, tdpWatts: 350,
      price: .init(dollarsPerHour: 2.49, source: lambda)),
    DeviceSpec(
      name: "h100-nvl",
      aliases: ["h100_nvl", "NVIDIA H100 NVL"],
      memoryBytes: gibibytes(93.10), architecture: .hopper, memoryBandwidth: 3938e9,
      tensorRate: 835e12, tensorRate8: 1671e12,
      multiprocessors: 132, cacheBytes: 50e6,
      linkBandwidth: 300e9, pcieBandwidth: 64e9, tdpWatts: 400),
    DeviceSpec(
      name: "h800",
      aliases: ["h800-sxm", "NVIDIA H800"],
      memoryBytes: gibibytes(79.18), memoryEvidence: .derived, architecture: .hopper,
      memoryBandwidth: 3350e9,
      tensorRate: 989e12, tensorRate8: 1979e12,
      multiprocessors: 132, cacheBytes: 50e6,
      linkBandwidth: 200e9, pcieBandwidth: 64e9, tdpWatts: 700),
    DeviceSpec(
      name: "h20",
      aliases: ["h20-sxm", "NVIDIA H20"],
      memoryBytes: gibibytes(95.11), memoryEvidence: .derived, architecture: .hopper,
      memoryBandwidth: 4000e9,
      tensorRate: 148e12, tensorRate8: 296e12,
      multiprocessors: 78, cacheBytes: 60e6,
      linkBandwidth: 450e9, pcieBandwidth: 64e9, tdpWatts: 500),
    DeviceSpec(
      name: "h200-sxm",
      aliases: ["h200_sxm", "h200", "NVIDIA H200"],
      memoryBytes: gibibytes(139.80), architecture: .hopper, memoryBandwidth: 4800e9,
      tensorRate: 989e12, tensorRate8: 1979e12,
      multiprocessors: 132, cacheBytes: 50e6,
      linkBandwidth: 450e9, pcieBandwidth: 64e9, tdpWatts: 700,
      price: .init(dollarsPerHour: 3.5, source: nebius)),
    DeviceSpec(
      name: "gh200",
      aliases: ["NVIDIA GH200 480GB"],
      memoryBytes: gibibytes(94.50), memoryEvidence: .derived, architecture: .hopper,
      memoryBandwidth: 4000e9,
      tensorRate: 989e12, tensorRate8: 1979e12,
      multiprocessors: 132, cacheBytes: 50e6,
      linkBandwidth: 450e9, pcieBandwidth: 450e9, tdpWatts: 900),
  ]

  /// NVIDIA data-centre Blackwell.
  ///
  /// The B200 is listed at 7.7 and 8.0 TB/s; the smaller is taken.
  static let blackwell: [DeviceSpec] = [
    DeviceSpec(
      name: "b200",
      aliases: ["b200_sxm", "b200-sxm", "NVIDIA B200"],
      memoryBytes: gibibytes(178.35), architecture: .blackwell, memoryBandwidth: 7700e9,
      tensorRate: 2250e12, tensorRate8: 4500e12, tensorRate4: 9000e12,
      multiprocessors: 148, cacheBytes: 126e6,
      linkBandwidth: 900e9, pcieBandwidth: 64e9, tdpWatts: 1000,
      price: .init(dollarsPerHour: 5.5, source: nebius)),
    DeviceSpec(
      name: "b300",
      aliases: ["b300-sxm", "NVIDIA B300", "NVIDIA B300 SXM6 AC"],
      memoryBytes: gibibytes(267.69), architecture: .blackwell, memoryBandwidth: 8000e9,
      tensorRate: 2250e12, tensorRate8: 4500e12, tensorRate4: 13500e12,
      multiprocessors: 148, cacheBytes: 126e6,
      linkBandwidth: 900e9, pcieBandwidth: 64e9, tdpWatts: 1100),
    DeviceSpec(
      name: "gb200",
      aliases: ["NVIDIA GB200"],
      memoryBytes: gibibytes(184.31), architecture: .blackwell, memoryBandwidth: 8000e9,
      tensorRate: 2500e12, tensorRate8: 5000e12, tensorRate4: 10000e12,
      multiprocessors: 148, cacheBytes: 126e6,
      linkBandwidth: 900e9, linkedGPUs: 72, serverGPUs: 4, pcieBandwidth: 450e9, tdpWatts: 1200),
    DeviceSpec(
      name: "gb300",
      aliases: ["NVIDIA GB300"],
      memoryBytes: gibibytes(276.50), architecture: .blackwell, memoryBandwidth: 8000e9,
      tensorRate: 2500e12, tensorRate8: 5000e12, tensorRate4: 15000e12,
      multiprocessors: 148, cacheBytes: 126e6,
      linkBandwidth: 900e9, linkedGPUs: 72, serverGPUs: 4, pcieBandwidth: 450e9, tdpWatts: 1400),
  ]

  /// NVIDIA graphics cards, without NVLink.
  ///
  /// GeForce: the rate with 32-bit accumulation, half of the 16-bit one. RunPod asks 0.34-0.69 $/h for the RTX 4090: a range
  /// is no price. RTX PRO 6000: 94.97 GiB of the 97,887 MiB that its driver lists.
  static let graphics: [DeviceSpec] = [
    DeviceSpec(
      name: "rtx-3090",
      aliases: ["rtx_3090", "NVIDIA GeForce RTX 3090"],
      memoryBytes: gibibytes(23.58), architecture: .ampere, memoryBandwidth: 936e9,
      tensorRate: 71e12,
      multiprocessors: 82, cacheBytes: 6e6,
      pcieBandwidth: 32e9, tdpWatts: 350),
    DeviceSpec(
      name: "rtx-4090",
      aliases: ["rtx_4090", "NVIDIA GeForce RTX 4090"],
      memoryBytes: gibibytes(23.52), architecture: .ada, memoryBandwidth: 1008e9,
      tensorRate: 165e12, tensorRate8: 330e12,
      multiprocessors: 128, cacheBytes: 72e6,
      pcieBandwidth: 32e9, tdpWatts: 450),
    DeviceSpec(
      name: "rtx-5090",
      aliases: ["rtx_5090", "NVIDIA GeForce RTX 5090"],
      memoryBytes: gibibytes(31.36), architecture: .blackwellGraphics, memoryBandwidth: 1792e9,
      tensorRate: 209.5e12, tensorRate8: 419e12, tensorRate4: 1676e12,
      multiprocessors: 170, cacheBytes: 96e6,
      pcieBandwidth: 64e9, tdpWatts: 575),
    DeviceSpec(
      name: "rtx-a6000",
      aliases: ["rtx_a6000", "NVIDIA RTX A6000"],
      memoryBytes: gibibytes(47.50), architecture: .ampere, memoryBandwidth: 768e9,
      tensorRate: 154.8e12, tensorRate8: 309.7e12,
      multiprocessors: 84, cacheBytes: 6e6,
      pcieBandwidth: 32e9, tdpWatts: 300),
    DeviceSpec(
      name: "rtx-6000-ada",
      aliases: ["NVIDIA RTX 6000 Ada Generation"],
      memoryBytes: gibibytes(47.40), architecture: .ada, memoryBandwidth: 960e9,
      tensorRate: 364e12, tensorRate8: 728e12,
      multiprocessors: 142, cacheBytes: 96e6,
      pcieBandwidth: 32e9, tdpWatts: 300),
    DeviceSpec(
      name: "rtx-pro-6000",
      aliases: [
        "rtx_pro_6000_server", "rtx_pro_6000", "RTXPRO6000",
        "NVIDIA RTX PRO 6000 Blackwell Server Edition",
      ],
      memoryBytes: gibibytes(94.97), architecture: .blackwellGraphics, memoryBandwidth: 1792e9,
      tensorRate: 467.8e12, tensorRate8: 935.6e12,
      multiprocessors: 188, cacheBytes: 128e6,
      pcieBandwidth: 64e9, tdpWatts: 600),
  ]

  /// AMD Instinct.
  ///
  /// RunPod asks 2-3 $/h for the MI300X: a range is no price.
  static let amd: [DeviceSpec] = [
    DeviceSpec(
      name: "mi300x",
      aliases: ["AMD Instinct MI300X"],
      memoryBytes: gibibytes(191.98), architecture: .cdna3, memoryBandwidth: 5300e9,
      tensorRate: 1307e12, tensorRate8: 2615e12,
      multiprocessors: 304, cacheBytes: 256e6,
      linkBandwidth: 448e9, pcieBandwidth: 64e9, tdpWatts: 750),
    DeviceSpec(
      name: "mi325x",
      aliases: ["AMD Instinct MI325X"],
      memoryBytes: gibibytes(255.98), architecture: .cdna3, memoryBandwidth: 6000e9,
      tensorRate: 1307e12, tensorRate8: 2615e12,
      multiprocessors: 304, cacheBytes: 256e6,
      linkBandwidth: 448e9, pcieBandwidth: 64e9, tdpWatts: 1000),
    DeviceSpec(
      name: "mi355x",
      aliases: ["AMD Instinct MI355X"],
      memoryBytes: gibibytes(287.98), architecture: .cdna4, memoryBandwidth: 8000e9,
      tensorRate: 2516e12, tensorRate8: 5033e12, tensorRate4: 10066e12,
      multiprocessors: 256, cacheBytes: 256e6,
      linkBandwidth: 537e9, pcieBandwidth: 64e9, tdpWatts: 1400),
  ]

  /// What iterations have no prices for: other kernels than a GPU's.
  ///
  /// Usable memory of a TPU, and all of the Gaudi's, from memory.
  static let withoutPrices: [DeviceSpec] = [
    DeviceSpec(
      name: "tpu-v5e",
      aliases: ["TPU v5e", "v5litepod"],
      memoryBytes: gibibytes(15.75), memoryEvidence: .derived, architecture: .other,
      memoryBandwidth: 819e9,
      tensorRate: 197e12, tensorRate8: 394e12,
      multiprocessors: 4, cacheBytes: 128e6,
      linkBandwidth: 100e9, pcieBandwidth: 16e9, tdpWatts: 200,
      isPriced: false),
    DeviceSpec(
      name: "tpu-v6e",
      aliases: ["TPU v6e", "trillium"],
      memoryBytes: gibibytes(31.25), memoryEvidence: .derived, architecture: .other,
      memoryBandwidth: 1640e9,
      tensorRate: 918e12, tensorRate8: 1836e12,
      multiprocessors: 2, cacheBytes: 128e6,
      linkBandwidth: 224e9, pcieBandwidth: 32e9, tdpWatts: 300,
      isPriced: false),
    DeviceSpec(
      name: "gaudi3",
      aliases: ["Intel Gaudi 3", "gaudi-3"],
      memoryBytes: gibibytes(128.00), memoryEvidence: .derived, architecture: .other,
      memoryBandwidth: 3700e9,
      tensorRate: 1835e12, tensorRate8: 1835e12,
      multiprocessors: 64, cacheBytes: 96e6,
      linkBandwidth: 300e9, pcieBandwidth: 64e9, tdpWatts: 900,
      isPriced: false),
  ]
}
