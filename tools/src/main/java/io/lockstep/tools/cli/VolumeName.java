package io.lockstep.tools.cli;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.wire.message.GetVolume;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.VolumeRow;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Immutable. The name of a volume on the command line. */
record VolumeName(String text) {
  private static final Pattern ALLOWED = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");

  /** For picocli. Refuses what can be the name of no volume. */
  static final class Converter implements ITypeConverter<VolumeName> {
    @Override
    public VolumeName convert(String text) {
      if (!ALLOWED.matcher(text).matches()) {
        throw new TypeConversionException(
            "volume name \""
                + text
                + "\": expected 1 to 63 letters, digits, dots, dashes or underscores,"
                + " beginning with a letter or digit");
      }
      return new VolumeName(text);
    }
  }

  /** What the master knows of it. */
  VolumeRow find(AdminConnection connection) throws UserError, Outcome {
    Request request =
        Request.newBuilder().setGetVolume(GetVolume.newBuilder().setName(text)).build();
    try {
      return connection.ask(request, ClusterOptions.ASK_NS).getVolume().getVolume();
    } catch (Outcome e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        throw UserError.failed("no volume \"%s\" (lockstep volume list shows what there is)", text);
      }
      throw e;
    }
  }

  /** Confined to its command. The one volume that a command is about. */
  static final class Parameter {
    @Parameters(paramLabel = "NAME", description = "of the volume", converter = Converter.class)
    private VolumeName name;

    VolumeName name() {
      return name;
    }
  }

  /** Confined to its command. {@code --volume}: one volume, or all. */
  static final class Filter {
    @Option(
        names = "--volume",
        paramLabel = "NAME",
        description = "only this volume",
        converter = Converter.class)
    private VolumeName name;

    /** What the master knows of it; null = all. */
    VolumeRow find(AdminConnection connection) throws UserError, Outcome {
      return name == null ? null : name.find(connection);
    }
  }
}
