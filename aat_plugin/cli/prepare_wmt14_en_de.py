"""`aat prepare wmt14_en_de`: WMT14 English–German becomes fairseq's data-bin. Read `prepare_wmt14`."""

from aat_plugin.cli.prepare_wmt14 import app_of

app = app_of("wmt14_en_de", "English–German")
