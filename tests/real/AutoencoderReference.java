import headrace.shaded.hex.genmodel.MojoModel;
import headrace.shaded.hex.genmodel.easy.EasyPredictModelWrapper;
import headrace.shaded.hex.genmodel.easy.RowData;
import java.io.BufferedReader;
import java.io.InputStreamReader;

/** The reconstruction error of each row of values in Python's notation, by h2o-genmodel's own wrapper. */
public final class AutoencoderReference {
    public static void main(String[] arguments) throws Exception {
        EasyPredictModelWrapper model =
                new EasyPredictModelWrapper(
                        new EasyPredictModelWrapper.Config()
                                .setModel(MojoModel.load(arguments[0]))
                                .setConvertUnknownCategoricalLevelsToNa(true));
        String[] names = arguments[1].split(",");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] values = line.split(",", -1);
            RowData row = new RowData();
            for (int place = 0; place < names.length; place++) {
                if (values[place].startsWith("'")) {
                    row.put(names[place], values[place].substring(1, values[place].length() - 1));
                } else if (!values[place].isEmpty()) {
                    row.put(names[place], Double.valueOf(values[place]));
                }
            }
            System.out.println(model.predictAutoEncoder(row).mse);
        }
    }
}
