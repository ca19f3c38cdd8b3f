/// What a GPU has: memory, rates, links, power and price.
///
/// Rates are the vendor's dense peaks; what a kernel reaches of them is the cost model's business.
package struct DeviceSpec: Equatable, Sendable {
  /// Where ``memoryBytes`` comes from, which is the total that an engine sees: PyTorch's.
  package enum MemoryEvidence: Equatable, Sendable {
    /// A log or a message of PyTorch's states it. Drivers differ by up to 0.2 GiB on one device.
    case reported
    /// From a device of the same family, less what that one lacks of what its driver lists.
    case derived
    /// The user says so.
    case given

    /// In a few words.
    package var text: String {
      switch self {
      case .reported: "as an engine sees it"
      case .derived: "as its family has it"
      case .given: "as given"
      }
    }
  }

  /// The generation of a device: which kernels run on it.
  package enum Architecture: String, CaseIterable, Sendable {
    case volta, turing, ampere, ada, hopper
    /// Data-centre Blackwell: B200, B300 and what is built of them.
    case blackwell
    /// Blackwell of graphics cards.
    case blackwellGraphics = "blackwell-graphics"
    /// AMD Instinct MI300X, MI325X; MI355X.
    case cdna3, cdna4
    /// A processor, priced without a profile by ``ProcessorForm``.
    case cpu
    /// No GPU.
    case other
  }

  /// A price, and who asks it; prices age quickly.
  package struct Price: Equatable, Sendable {
    /// US dollars per GPU and hour.
    package var dollarsPerHour: Double
    /// Provider, and how well the figure is attested; a user's own price names the flag or the line it is from.
    package var source: String
    /// The day of the price, `2026-03-01`; `nil` where none was recorded, as with every price of the catalogue.
    package var date: String?
    /// How the GPU is paid for, such as `reserved` or `spot`; `nil` where the source does not say.
    package var kind: String?

    package init(
      dollarsPerHour: Double, source: String, date: String? = nil, kind: String? = nil
    ) {
      self.dollarsPerHour = dollarsPerHour
      self.source = source
      self.date = date
      self.kind = kind
    }
  }

  /// What a GPU draws with a model loaded and nothing to compute, and who measured it.
  package struct IdlePower: Equatable, Sendable {
    package var watts: Double
    package var source: String

    package init(watts: Double, source: String) {
      self.watts = watts
      self.source = source
    }
  }

  /// Which kernels and which engine software run on the device.
  package enum Software: Equatable, Sendable {
    case present
    /// Those of the PagedAttention paper's comparison; see ``PaperEraCostModel``.
    case year2023
  }

  /// The catalogue's name, as users type it.
  package var name: String
  /// Other names of the same device, those of the measured tables first.
  package var aliases: [String]
  /// Memory of one GPU, in bytes.
  package var memoryBytes: Int
  package var memoryEvidence = MemoryEvidence.reported
  package var architecture: Architecture
  /// Bytes per second.
  package var memoryBandwidth: Double
  /// Dense fp16 or bf16 tensor rate with 32-bit accumulation, FLOP/s.
  package var tensorRate: Double
  /// Dense 8-bit rate, FLOP/s: fp8, or int8 on an A100; `nil` where none is known.
  package var tensorRate8: Double?
  /// Dense 4-bit floating-point rate, FLOP/s; `nil` where there is none.
  package var tensorRate4: Double?
  /// Streaming multiprocessors (compute units at AMD); from memory throughout.
  package var multiprocessors: Int
  /// Last-level cache in bytes; from memory throughout.
  package var cacheBytes: Double
  /// Bandwidth of the link between GPUs, bytes per second and direction; `nil` where there is none,
  /// and GPUs talk over PCIe.
  package var linkBandwidth: Double?
  /// GPUs that such links join: a server's, or a rack's.
  package var linkedGPUs = 8
  /// GPUs of one server.
  package var serverGPUs = 8
  /// Bandwidth to the host, bytes per second and direction.
  package var pcieBandwidth: Double
  /// Thermal design power, watts.
  package var tdpWatts: Double
  /// `nil` where no measurement with a model loaded was found; without one a GPU draws much less.
  package var idlePower: IdlePower?
  /// `nil` where no single price was found.
  package var price: Price?
  package var software = Software.present
  /// Whether iterations are priced on it; elsewhere only its memory is known.
  package var isPriced = true
  /// The file that the device was read from; `nil` for a device of the catalogue.
  package var origin: ModelSpec.Origin?

  /// The same device with the kernels and the engine software of 2023, under the name `…@2023`.
  func in2023() -> DeviceSpec {
    var device = self
    device.name += "@2023"
    device.aliases = []
    device.software = .year2023
    return device
  }
}

extension DeviceSpec {
  /// A device of one's own, without links, narrow types or a price.
  package init(
    name: String, memoryBytes: Int, architecture: Architecture, memoryBandwidth: Double,
    tensorRate: Double, multiprocessors: Int, cacheBytes: Double, pcieBandwidth: Double,
    tdpWatts: Double
  ) {
    self.init(
      name: name, aliases: [], memoryBytes: memoryBytes, memoryEvidence: .given,
      architecture: architecture, memoryBandwidth: memoryBandwidth, tensorRate: tensorRate,
      multiprocessors: multiprocessors, cacheBytes: cacheBytes, pcieBandwidth: pcieBandwidth,
      tdpWatts: tdpWatts)
  }

  /// What `--device` takes to mean this device.
  package var reference: String { origin?.path ?? name }
  /// Tells the device from every other: its name, and what its file holds.
  package var identity: String { origin.map { "\(name) \($0.digest)" } ?? name }
}
