import CostModel
import Foundation
import Kernels
import Messages
import Serving
import Testing

/// What a user of the CPU engine is told, word for word.
@Suite struct MessageTests {
  @Test func anUnknownModelNamesThoseThereAre() {
    let error = #expect(throws: UserError.self) { try ToyModels.find("opt-13b") }
    #expect(
      error?.description == """
        error: no model `opt-13b` that runs on the CPU

        hint: there are `toy-1m`, `toy-25m`, `toy-100m`, `toy-opt-1m`
        """)
  }

  /// The header, as a compiler sees it that finds no OpenBLAS.
  @Test func noOpenBLASIsSaidWhenBuilding() throws {
    let header = URL(filePath: #filePath).appending(path: "../../../Sources/COpenBLAS/shim.h")
    let compiler = Process()
    compiler.executableURL = URL(filePath: "/usr/bin/env")
    compiler.arguments = ["clang", "-nostdinc", "-E", header.standardized.path]
    let output = Pipe()
    compiler.standardOutput = FileHandle.nullDevice
    compiler.standardError = output
    try compiler.run()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    compiler.waitUntilExit()
    #expect(compiler.terminationStatus != 0)
    #expect(
      said.contains(
        "error: \"OpenBLAS is missing: run `make dependencies`, or install the Debian package "
          + "libopenblas-dev\""))
  }

  @Test func anotherMachineIsDescribed() {
    var other = KernelMachine(
      processor: "Z80", cores: 1, blas: "SkylakeX", instructionSet: "avx512")
    let here = other
    #expect(here.differences(from: other) == [])
    other.cores = 64
    other.blas = "Prescott"
    #expect(
      here.differences(from: other) == [
        "cores `64`, here `1`", "OpenBLAS core `Prescott`, here `SkylakeX`",
      ])
  }

  @Test func namesOfTheToysAreTheirSizes() {
    let sizes = ModelCatalogue.toys.map { Double($0.parameters()) / 1e6 }
    for (size, expected) in zip(sizes, [1, 25, 100, 1]) {
      #expect(abs(size / Double(expected) - 1) < 0.15, "\(sizes)")
    }
  }
}

@Suite struct LeastSquaresTests {
  @Test func findsExactPrices() {
    let rows: [[Double]] = [[1, 0, 2], [0, 3, 1], [4, 1, 0], [1, 1, 1], [2, 5, 3]]
    let prices = [0.5, 2, 1e-6]
    let targets = rows.map { zip($0, prices).reduce(0) { $0 + $1.0 * $1.1 } }
    let found = LeastSquares.relativeFit(rows: rows, targets: targets)
    for (a, b) in zip(found, prices) { #expect(abs(a - b) < 1e-9) }
  }

  @Test func pricesAreNeverNegative() {
    let rows: [[Double]] = [[1, 1], [2, 1], [3, 1], [4, 1]]
    let found = LeastSquares.relativeFit(rows: rows, targets: [4, 3, 2, 1])
    #expect(found.allSatisfy { $0 >= 0 })
  }

  /// One row in five was measured while somebody else used the machine.
  @Test func rowsThatAreFarOffDoNotCount() {
    let rows = (1...20).map { [1, Double($0 % 7), Double($0)] }
    let prices = [3, 0.5, 0.25]
    let targets = rows.enumerated().map { index, row in
      zip(row, prices).reduce(0) { $0 + $1.0 * $1.1 } * (index % 5 == 2 ? 2 : 1)
    }
    let found = LeastSquares.relativeFit(rows: rows, targets: targets)
    for (a, b) in zip(found, prices) { #expect(abs(a - b) < 0.05 * b, "\(found)") }
  }

  @Test func unusedFeaturesCostNothing() {
    let found = LeastSquares.relativeFit(rows: [[1, 0], [2, 0], [4, 0]], targets: [2, 4, 8])
    #expect(abs(found[0] - 2) < 1e-12)
    #expect(found[1] == 0)
  }
}
