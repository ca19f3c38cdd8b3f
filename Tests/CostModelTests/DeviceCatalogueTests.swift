import CostModel
import Messages
import Testing

@Suite struct DeviceCatalogueTests {
  @Test func namesAndAliasesAreUnique() {
    let names = DeviceCatalogue.all.flatMap { [$0.name] + $0.aliases }.map { $0.lowercased() }
    #expect(Set(names).count == names.count)
    #expect(DeviceCatalogue.all.count == 36)
  }

  @Test func figuresAreInTheirUnits() {
    for device in DeviceCatalogue.all {
      #expect((15_000_000_000...310_000_000_000).contains(device.memoryBytes), "\(device.name)")
      #expect((3e11...8e12).contains(device.memoryBandwidth), "\(device.name)")
      #expect((6.5e13...2.6e15).contains(device.tensorRate), "\(device.name)")
      #expect((1.6e10...4.5e11).contains(device.pcieBandwidth), "\(device.name)")
      #expect(device.linkBandwidth.map { (3.2e10...9e11).contains($0) } ?? true, "\(device.name)")
    }
  }

  @Test(arguments: [
    ("a100_sxm", "a100-80gb"), ("h100_sxm", "h100-sxm"), ("h200_sxm", "h200-sxm"),
    ("b200_sxm", "b200"), ("RTXPRO6000", "rtx-pro-6000"), ("NVIDIA B200", "b200"),
    ("rtx_pro_6000_server", "rtx-pro-6000"), ("A100-40GB", "a100-40gb"),
  ])
  func aliasesFindTheirDevice(_ alias: String, _ name: String) throws {
    #expect(try DeviceCatalogue.find(alias).name == name)
  }

  @Test func anUnknownDeviceNamesTheNearest() {
    #expect(
      message { _ = try DeviceCatalogue.find("h101-sxm") } == """
        error: unknown device `h101-sxm`

        hint: did you mean `h100-sxm`? `kvplan catalog devices` lists all
        """)
  }

  /// A name that leaves a word out is enough where the word changes nothing that is asked for.
  @Test func aShortNameAsksForTheMissingWord() throws {
    #expect(
      message { _ = try DeviceCatalogue.find("A100", forMemory: true) } == """
        error: `A100` may be `a100-40gb` or `a100-80gb`, which differ in memory

        hint: give one of them
        """)
    #expect(
      message { _ = try DeviceCatalogue.find("h100") } == """
        error: `h100` may be `h100-sxm` or `h100-pcie`, which differ in rates

        hint: give one of them
        """)
    #expect(try DeviceCatalogue.find("H100", forMemory: true).name == "h100-sxm")
    #expect(try DeviceCatalogue.find("v100").name == "v100-32gb")
  }

  /// What an engine sees is at most what the device's name says in GiB, and at least nine tenths of it.
  @Test(arguments: [
    ("v100-32gb", 32), ("t4", 16), ("a10", 24), ("a40", 48), ("l40s", 48), ("h100-nvl", 94),
    ("h20", 96), ("h200-sxm", 141), ("b200", 192), ("b300", 288), ("rtx-5090", 32),
    ("rtx-pro-6000", 96), ("mi300x", 192), ("mi325x", 256), ("mi355x", 288), ("tpu-v6e", 32),
  ])
  func memoryIsWhatAnEngineSees(_ name: String, _ gigabytes: Int) throws {
    let device = try DeviceCatalogue.find(name)
    #expect((0.9...1).contains(Double(device.memoryBytes) / Double(gigabytes << 30)), "\(name)")
  }
}
