package headrace.jvm.flink;

import java.time.LocalDate;
import java.util.Set;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/** Values of Flink's rows as the encoder takes them. */
final class FlinkValues {
    private static final Set<LogicalTypeRoot> TYPES =
            Set.of(
                    LogicalTypeRoot.CHAR,
                    LogicalTypeRoot.VARCHAR,
                    LogicalTypeRoot.BOOLEAN,
                    LogicalTypeRoot.TINYINT,
                    LogicalTypeRoot.SMALLINT,
                    LogicalTypeRoot.INTEGER,
                    LogicalTypeRoot.BIGINT,
                    LogicalTypeRoot.FLOAT,
                    LogicalTypeRoot.DOUBLE,
                    LogicalTypeRoot.DECIMAL,
                    LogicalTypeRoot.DATE,
                    LogicalTypeRoot.TIMESTAMP_WITHOUT_TIME_ZONE,
                    LogicalTypeRoot.TIMESTAMP_WITH_LOCAL_TIME_ZONE);

    private FlinkValues() {}

    static boolean isKnown(LogicalType type) {
        return TYPES.contains(type.getTypeRoot());
    }

    /** Reads one column of a row. */
    interface FieldReader extends java.io.Serializable {
        Object read(RowData row);
    }

    static FieldReader reader(LogicalType type, int place) {
        RowData.FieldGetter getter = RowData.createFieldGetter(type, place);
        boolean isDate = type.is(LogicalTypeRoot.DATE);
        boolean isInstant = type.is(LogicalTypeRoot.TIMESTAMP_WITH_LOCAL_TIME_ZONE);
        return row -> {
            Object value = getter.getFieldOrNull(row);
            if (value instanceof StringData text) {
                return text.toString();
            }
            if (value instanceof DecimalData decimal) {
                return decimal.toBigDecimal();
            }
            if (value instanceof TimestampData time) {
                return isInstant ? time.toInstant() : (Object) time.toLocalDateTime();
            }
            return isDate && value != null ? LocalDate.ofEpochDay((Integer) value) : value;
        };
    }
}
