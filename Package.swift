// swift-tools-version: 6.2

import PackageDescription

/// Every target of the house is held to the same rules: Swift 6, no warnings.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library. Optimised in debug builds too: the tests compare with naive models for millions of steps, and take a third
/// of the time; preconditions and overflows still trap.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies,
    swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))])
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

    room("Messages"),
    room("EngineCommands", ["Messages"]),
    room("SimulationKernel", [.product(name: "HeapModule", package: "swift-collections")]),
    room("Statistics"),
    room(
      "KVMemory",
      [
        .product(name: "HeapModule", package: "swift-collections"),
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    .target(name: "CProfiles", exclude: ["profiles"]),
    room("CostModel", ["KVMemory", "SimulationKernel", "Messages", "Statistics", "CProfiles"]),
    .target(name: "CModels", exclude: ["models"]),
    room("ModelFiles", ["CostModel", "KVMemory", "Messages", "CModels"]),
    room(
      "Workload",
      [
        "SimulationKernel", "Messages", "Statistics",
        .product(name: "HeapModule", package: "swift-collections"),
      ]),
    room("TraceFiles", ["Workload", "SimulationKernel", "Messages", "CZlib"]),
    room(
      "Serving",
      [
        "SimulationKernel", "Messages", "Statistics", "KVMemory", "CostModel", "Workload",
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
        "Serving", "KVMemory", "CostModel", "Workload", "SimulationKernel", "Messages", "CKernels",
        "COpenBLAS",
      ]),
    room("Metrics", ["Serving", "Workload", "SimulationKernel", "Statistics"]),
    room(
      "Database",
      [
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ]),
    room("Results", ["Database", "Metrics", "SimulationKernel", "Messages", "Statistics"]),
    room(
      "Planning",
      [
        "Metrics", "Fleet", "Serving", "KVMemory", "ModelFiles", "CostModel", "Workload",
        "SimulationKernel", "Messages", "Statistics", "CProfiles",
      ]),
    room(
      "Sweeps",
      [
        "Planning", "Results", "Database", "Metrics", "Serving", "CostModel", "TraceFiles",
        "Workload", "Statistics",
        "SimulationKernel", "Messages",
        .product(name: "Yams", package: "Yams"),
      ]),

    room(
      "Conformance",
      [
        "Serving", "KVMemory", "CostModel", "TraceFiles", "Workload", "SimulationKernel",
        "Messages", "CZlib",
      ]),
    room(
      "Reproduction",
      [
        "Planning", "Results", "Metrics", "Fleet", "Serving", "KVMemory", "ModelFiles", "CostModel",
        "TraceFiles", "Workload", "SimulationKernel", "Messages", "Statistics",
      ]),
    room(
      "Validation",
      [
        "Kernels", "Planning", "Metrics", "Fleet", "Serving", "KVMemory", "ModelFiles",
        "CostModel", "TraceFiles",
        "Workload", "SimulationKernel", "Messages", "Statistics",
      ]),

    room(
      "MockServing",
      [
        "Planning", "Fleet", "Serving", "ModelFiles", "CostModel", "Workload", "SimulationKernel",
        "Messages",
      ]),

    .executableTarget(
      name: "kvplan",
      dependencies: [
        "Kernels", "Conformance", "Reproduction", "Validation", "Sweeps", "Planning", "Results",
        "Metrics", "Fleet", "Serving", "KVMemory", "ModelFiles", "CostModel", "TraceFiles",
        "Workload", "SimulationKernel", "EngineCommands", "Messages", "Statistics",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    tests("MessagesTests", ["Messages"]),
    tests("EngineCommandsTests", ["EngineCommands", "Messages"]),
    tests("SimulationKernelTests", ["SimulationKernel"]),
    tests("StatisticsTests", ["Statistics", "SimulationKernel"]),
    tests("KVMemoryTests", ["KVMemory", "SimulationKernel"]),
    tests("CostModelTests", ["CostModel", "KVMemory", "SimulationKernel", "Messages"]),
    tests(
      "ModelFilesTests", ["ModelFiles", "CostModel", "KVMemory", "SimulationKernel", "Messages"]),
    tests("WorkloadTests", ["Workload", "SimulationKernel", "Messages", "Statistics"]),
    tests(
      "TraceFilesTests",
      ["TraceFiles", "Workload", "SimulationKernel", "Messages", "Statistics", "CZlib"]),
    tests(
      "ServingTests",
      ["Fleet", "Serving", "KVMemory", "CostModel", "Workload", "SimulationKernel", "Messages"]),
    tests("FleetTests", ["Fleet", "Serving", "CostModel", "Workload", "SimulationKernel"]),
    tests(
      "ExtendingTests",
      ["Fleet", "Serving", "KVMemory", "CostModel", "Workload", "SimulationKernel"]),
    tests(
      "KernelsTests",
      [
        "Kernels", "Fleet", "Serving", "KVMemory", "CostModel", "Workload", "SimulationKernel",
        "Messages",
      ]),
    tests("MetricsTests", ["Metrics", "Fleet", "Serving", "Workload", "SimulationKernel"]),
    tests("DatabaseTests", ["Database"]),
    tests(
      "ResultsTests",
      ["Results", "Database", "Metrics", "SimulationKernel", "Messages", "Statistics", "Serving"]),
    tests(
      "PlanningTests",
      [
        "Planning", "Metrics", "Fleet", "Serving", "CostModel", "Workload", "SimulationKernel",
        "Messages", "Statistics",
      ]),
    tests(
      "SweepsTests", ["Sweeps", "Planning", "Results", "Database", "SimulationKernel", "Messages"]),
    tests("ConformanceTests", ["Conformance", "Messages"]),
    tests(
      "ReproductionTests",
      [
        "Reproduction", "Planning", "Results", "Metrics", "Serving", "KVMemory", "CostModel",
        "TraceFiles", "Workload", "SimulationKernel", "Messages",
      ]),
    tests(
      "ValidationTests",
      [
        "Validation", "MockServing", "Kernels", "Planning", "Metrics", "Serving", "KVMemory",
        "CostModel",
        "Workload", "SimulationKernel", "Messages",
      ]),
    tests(
      "CommandLineTests",
      [
        "kvplan", "EngineCommands", "Sweeps", "Planning", "Metrics", "Serving", "CostModel",
        "Statistics", "Messages",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    tests(
      "MockServingTests",
      [
        "MockServing", "Planning", "Serving", "CostModel", "Workload", "SimulationKernel",
        "Messages",
      ]),
    tests("TidyTests", []),
  ]
)

/// The mock of a deployment is built on request only: its HTTP server takes 4 minutes of processor time to compile. A
/// package of its own would see nothing of the house but what is `public`, and would build the house a second time.
if Context.environment["KVPLAN_MOCK"] == "1" {
  package.dependencies.append(
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"))
  package.products.append(.executable(name: "kvplan-mock", targets: ["kvplan-mock"]))
  package.targets.append(
    .executableTarget(
      name: "kvplan-mock",
      dependencies: [
        "MockServing", "Planning", "Serving", "CostModel", "Messages",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        // The house has a target of that name too.
        .product(
          name: "Hummingbird", package: "hummingbird", moduleAliases: ["Metrics": "SwiftMetrics"]),
      ],
      swiftSettings: strict))
}
