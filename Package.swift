// swift-tools-version: 6.2

import PackageDescription

/// Every target of the house is held to the same rules: Swift 6, no warnings.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
  name: "kvplan",
  products: [.executable(name: "kvplan", targets: ["kvplan"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(name: "CKernels"),

    room("SimulationKernel", [.product(name: "HeapModule", package: "swift-collections")]),
    room("Statistics"),
    room("KVMemory"),
    .target(name: "CProfiles", exclude: ["profiles"]),
    room("CostModel", ["SimulationKernel", "Statistics", "CProfiles"]),
    room("Workload", ["SimulationKernel", "Statistics", "CZlib"]),
    room(
      "Serving",
      [
        "SimulationKernel", "Statistics", "KVMemory", "CostModel", "Workload",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ]),
    room(
      "Fleet",
      [
        "Serving", "Workload", "SimulationKernel",
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    room(
      "Kernels",
      [
        "Serving", "KVMemory", "CostModel", "Workload", "SimulationKernel", "CKernels", "COpenBLAS",
      ]),
    room("Metrics", ["Serving", "Workload", "SimulationKernel", "Statistics"]),
    room("Results", ["Metrics", .product(name: "GRDB", package: "GRDB.swift")]),
    room("Planning", ["Metrics", "Fleet", "Serving", "CostModel", "Workload", "Statistics"]),
    room(
      "Sweeps",
      [
        "Planning", "Results", "Metrics", "Serving", "CostModel", "Workload", "SimulationKernel",
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "Yams", package: "Yams"),
      ]),

    room(
      "Validation",
      [
        "Kernels", "Planning", "Results", "Metrics", "Fleet", "Serving", "KVMemory", "CostModel",
        "Workload", "SimulationKernel", "Statistics", "CZlib",
      ]),

    .executableTarget(
      name: "kvplan",
      dependencies: [
        "Kernels", "Validation", "Sweeps", "Planning", "Results", "Metrics", "Fleet", "Serving",
        "CostModel", "Workload", "SimulationKernel", "Statistics",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    tests("SimulationKernelTests", ["SimulationKernel"]),
    tests("StatisticsTests", ["Statistics", "SimulationKernel"]),
    tests("KVMemoryTests", ["KVMemory", "SimulationKernel"]),
    tests("CostModelTests", ["CostModel"]),
    tests("WorkloadTests", ["Workload"]),
    tests(
      "ServingTests",
      ["Fleet", "Serving", "KVMemory", "CostModel", "Workload", "SimulationKernel"]),
    tests("FleetTests", ["Fleet", "Serving", "CostModel", "Workload", "SimulationKernel"]),
    tests(
      "KernelsTests",
      ["Kernels", "Fleet", "Serving", "KVMemory", "CostModel", "Workload", "SimulationKernel"]),
    tests("MetricsTests", ["Metrics", "Fleet"]),
    tests("ResultsTests", ["Results"]),
    tests("PlanningTests", ["Planning", "Fleet"]),
    tests("SweepsTests", ["Sweeps", "Planning", "Results", "Metrics", "Workload"]),
    tests(
      "ValidationTests",
      [
        "Validation", "Kernels", "Planning", "Metrics", "Serving", "CostModel", "Workload",
        "SimulationKernel",
      ]),
    tests(
      "CommandLineTests",
      [
        "kvplan", "Planning", "Serving", "CostModel",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    tests("TidyTests", []),
  ]
)
