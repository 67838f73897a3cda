// What is said of photographs and folders that could not be worked on, in the page's language. The tasks say it in English, and
// whatever is not here is shown as they say it.

import { current } from "./i18n.js";

const COPY_AGAIN = "カードからもう一度コピーしてください。";
const EXPORT_SMALLER = "小さく書き出してください。";
const JAPANESE = [
  [/^(.+) is empty \(0 bytes\): .*$/, `$1 は空のファイル（0バイト）です。${COPY_AGAIN}`],
  [/^(.+) is cut off, its end is missing: .*$/, `$1 は途中で切れています。${COPY_AGAIN}`],
  [/^(.+) ends in zeros, as if .*$/, `$1 はコピーが途中で止まったようです。${COPY_AGAIN}`],
  [/^(.+) is damaged, or of a kind not known here: .*$/, `$1 は壊れているか、対応していない形式です。${COPY_AGAIN}`],
  [/^(.+) is not a picture, whatever its name says: .*$/, `$1 は画像ファイルではありません。${COPY_AGAIN}`],
  [/^(.+) holds no picture that can be read: .*$/, `$1 には読み取れる画像がありません。${COPY_AGAIN}`],
  [/^(.+) has more than (\d+) megapixels: .*$/, `$1 は$2メガピクセルを超えています。${EXPORT_SMALLER}`],
  [/^(.+) is larger than (\d+ GiB): .*$/, `$1 は$2を超えています。${EXPORT_SMALLER}`],
  [
    /^(.+) is not there: was it moved, .*$/,
    "$1 が見つかりません。移動したか、カードやドライブが外れていないか確かめてください。",
  ],
  [/^(.+) cannot be read just now \(.*$/, "$1 を読み取れません。アクセス権とドライブを確かめてください。"],
  [/^(.+) was changed while it was looked at: .*$/, "$1 は処理中に書き換えられました。書き込みが終わるまで待ちます。"],
  [
    /^(.+) is a HEIC picture: .*$/,
    "$1 は HEIC 形式です。pillow-heif をインストールするか、JPEG で書き出してください。",
  ],
  [/^(.+) needs more memory than is free just now: .*$/, "$1 の処理にはメモリが足りません。ほかのアプリを閉じてください。"],
  [/^(.+) is in none of the folders that may be read: .*$/, "$1 は読み取りを許可したフォルダの外にあります。"],
  [/^the folder (.+) is not there: .*$/, "フォルダ $1 が見つかりません。カードやドライブが接続されているか確かめてください。"],
  [/^(.+) is a file, not a folder: .*$/, "$1 はファイルです。それが入っているフォルダを指定してください。"],
  [/^the folder (.+) cannot be read \(.*$/, "フォルダ $1 を読み取れません。アクセス権を確かめてください。"],
  [/^there is no preset (.+): there are (.*)$/, "プリセット「$1」はありません。使えるもの：$2"],
  [/^its worker died while running it .*$/, "処理中にワーカーが異常終了しました。"],
];

// In which language it is told, and how.
export function told(error) {
  const known = current() === "ja" && JAPANESE.find(([said]) => said.test(error));
  return known ? { language: "ja", text: error.replace(...known) } : { language: "en", text: error };
}
