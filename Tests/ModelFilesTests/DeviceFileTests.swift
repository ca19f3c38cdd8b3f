import CostModel
import Foundation
import Messages
import SimulationKernel
import Testing

@testable import ModelFiles

/// Devices from files: read field by field, or refused with file, field and what was found.
@Suite struct DeviceFileTests {
  private static var fields: [String: Any] {
    [
      "name": "my-gpu", "memory_gib": 95.5, "memory_bandwidth_gb_per_s": 4000,
      "tensor_tflops": 148, "tensor_tflops_8bit": 296, "multiprocessors": 78, "cache_mb": 60,
      "link_gb_per_s": 450, "pcie_gb_per_s": 64, "tdp_watts": 500, "architecture": "hopper",
      "dollars_per_hour": 1.25, "idle_watts": 90,
    ]
  }

  private func read(_ object: [String: Any]) throws -> DeviceSpec {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "gpu.json")
    try JSONSerialization.data(withJSONObject: object).write(to: file)
    do {
      return try DeviceFile.find(file.path)
    } catch var error as UserError {
      error.message = error.message.replacingOccurrences(of: folder.path, with: "DIR")
      throw error
    }
  }

  @Test func everyFieldIsRead() throws {
    let device = try read(Self.fields)
    #expect(device.name == "my-gpu" && device.reference.hasSuffix("/gpu.json"))
    #expect(device.identity.hasPrefix("my-gpu ") && device.identity != device.name)
    #expect(device.memoryBytes == 191 << 29 && device.memoryEvidence == .given)
    #expect(device.memoryBandwidth == 4e12 && device.tensorRate == 148e12)
    #expect(device.tensorRate8 == 296e12 && device.tensorRate4 == nil)
    #expect(device.multiprocessors == 78 && device.cacheBytes == 60e6)
    #expect(device.linkBandwidth == 450e9 && device.pcieBandwidth == 64e9)
    #expect(
      device.idlePower?.watts == 90 && device.idlePower?.source.hasSuffix("/gpu.json") == true)
    #expect(device.tdpWatts == 500 && device.architecture == .hopper)
    #expect(device.price?.dollarsPerHour == 1.25 && device.isPriced)
  }

  private func message(_ change: (inout [String: Any]) -> Void) -> String {
    var object = Self.fields
    change(&object)
    do {
      _ = try read(object)
      return "none"
    } catch {
      return "\(error)"
    }
  }

  @Test func mistakesNameFileFieldAndValue() {
    #expect(
      message { $0["idle_watts"] = 501 }
        == "error: DIR/gpu.json: `idle_watts` must be above 0 and at most 500, found `501.0`")
    #expect(
      message { $0["memory_gib"] = nil } == """
        error: DIR/gpu.json: `memory_gib` is missing

        hint: docs/KV_BUDGET.md has every field of a device's description
        """)
    #expect(
      message { $0["memory_gb"] = 95 } == """
        error: DIR/gpu.json: unknown field `memory_gb`

        hint: did you mean `memory_gib`?
        """)
    #expect(
      message { $0["tensor_tflops"] = 0 }
        == "error: DIR/gpu.json: `tensor_tflops` must be from 0.01 to 1000000, found `0.0`")
    // An iteration would take longer than simulated time can count.
    #expect(
      message { $0["pcie_gb_per_s"] = 1e-300 }
        == "error: DIR/gpu.json: `pcie_gb_per_s` must be from 0.01 to 1000000, found `1e-300`")
    #expect(
      message { $0["cache_mb"] = 0 }
        == "error: DIR/gpu.json: `cache_mb` must be above 0 and at most 1000000, found `0.0`")
    #expect(
      message { $0["memory_gib"] = "many" }
        == "error: DIR/gpu.json: `memory_gib` must be a number from 0 to 1e9, found `many`")
    #expect(
      message { $0["name"] = "b200" } == """
        error: DIR/gpu.json: `name` is `b200`, which the catalogue has

        hint: give it another name
        """)
    #expect(
      message { $0["name"] = "my gpu" }
        == "error: DIR/gpu.json: `name` must be of up to 100 letters, digits, `.`, `_` and `-`, found `my gpu`"
    )
    #expect(
      message { $0["architecture"] = "tesla" } == """
        error: DIR/gpu.json: unknown `architecture` `tesla`

        hint: choose of volta, turing, ampere, ada, hopper, blackwell, blackwell-graphics, cdna3, cdna4, cpu, other
        """)
  }

  @Test func aPathIsAFile() {
    let error = #expect(throws: UserError.self) { try DeviceFile.find("./no-such-file") }
    #expect(
      error?.description == """
        error: cannot read `./no-such-file`: no such file

        hint: give the path of a device's description
        """)
  }

  /// One field garbled: a device whose numbers are positive, or a message.
  @Test(arguments: Array(0..<20))
  func garbledFilesAreReadOrRefused(_ seed: Int) throws {
    let garbage: [Any] = [
      0, -1, 1, 64, Int.max, Int.min, 0.5, -2.5, 1e300, 1e-300, true, "", "seven", "\u{1B}[31m",
      NSNull(), [Any](), [String: Any](),
    ]
    var random = RandomStream(seed: UInt64(seed), label: "device files")
    let names = Self.fields.keys.sorted()
    for _ in 0..<20 {
      var object = Self.fields
      object[names[random.below(names.count)]] = garbage[random.below(garbage.count)]
      do {
        let device = try read(object)
        #expect(device.memoryBytes >= 0 && device.memoryBandwidth > 0 && device.tensorRate > 0)
        #expect(device.multiprocessors >= 1 && device.cacheBytes > 0 && device.tdpWatts > 0)
      } catch let error as UserError {
        #expect(error.message.hasPrefix("DIR/gpu.json: "), "\(error)")
        #expect(!error.message.contains("\u{1B}"))
      }
    }
  }
}
