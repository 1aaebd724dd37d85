"""Every sentence of the library's errors, for Slicer's translation tools. Made by `make messages`."""

from __future__ import annotations

from collections.abc import Callable


def translated(sentence: str, translate: Callable[[str], str]) -> str:
    """A sentence in the user's language, with its places; as it is where it is not one of the library's."""
    return dict(zip(_sentences(str), _sentences(translate), strict=True)).get(sentence, sentence)


def _sentences(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _("A C-arm does not reach {degrees:g} degrees; give RAO and LAO from 0 to 180, CAU and CRA from 0 to 90."),
        _("A detector pixel of {pixel_mm:g} mm is outside {low:g} to {high:g} mm; correct {pixel_spacing}."),
        _("A picture came damaged from the worker; try again."),
        _("A point of a vessel must be three finite numbers: R, A and S in mm."),
        _(
            "A rotational angiogram shows the vessels of one injection alone, so it does not tell what a run leaves "
            "out; give a CT angiogram for {cta}."
        ),
        _("A slice in the folder {file} is truncated or cannot be decoded; export the series again."),
        _("A source-to-detector distance of {distance_mm:.0f} mm is outside {low:g} to {high:g} mm; correct {sdd}."),
        _("Another command is writing into {file}; wait until it has ended, or choose another for {output}."),
        _(
            "At the carried pose nothing of the CTA is projected onto the DSA; give a run of the same patient, who "
            "has not moved, for {dsa}, or correct {carm}."
        ),
        _(
            "At the starting pose nothing of the CTA is projected onto the DSA; give {initial_pose} nearer to the "
            "truth, or correct {carm}."
        ),
        _(
            "CTA and DSA do not both show vessels, so nothing can be said of what filled; give a CT angiogram for "
            "{cta} and a run with contrast for {dsa}."
        ),
        _("CTA and DSA do not both show what {terms} ask for; compare vessels and skull, as far as there are any."),
        _(
            "Comparison {number} of {file} has the choice “{choice}”, which is not 1 to {most}; finish the "
            "comparison and save it again."
        ),
        _("HTML pages need jinja2; install it with `pip install jinja2`."),
        _("Markup {number} of {file} has the coordinate system {system}; it must say LPS or RAS."),
        _("Markup {number} of {file} is a path of one point; give two at least."),
        _("Markup {number} of {file} is in {units}; targets are in mm."),
        _("Markup {number} of {file} is neither points nor a line nor a curve; leave it out."),
        _("No part of the path {path} exists; choose another for {output}."),
        _(
            "No vessel stands out of the background in the CTA; give a rotational angiogram that was taken with "
            "contrast, or {cta_vessels}."
        ),
        _("Point {index} of markup {number} of {file} has no position of three numbers; place it again."),
        _("Row {number} of {file} has no name with three numbers; write {example}."),
        _("The C-arm's angles and distances must be finite numbers."),
        _("The C-arm's column_direction and row_direction must be orthogonal unit vectors."),
        _("The C-arm's {name} must be three finite numbers, not {value}."),
        _(
            "The CT shows no contrast, and the DSA no skull; give the run with its mask frame, or an X-ray of the "
            "head, for {dsa}, or a CT angiogram for {cta}."
        ),
        _(
            "The CTA has no bones, and no vessel stands out of its tissue; give a CT angiogram of the head with "
            "contrast, or {cta_vessels}."
        ),
        _("The CTA has no voxels; select a loaded scalar volume for {cta}."),
        _("The CTA holds values that are not numbers (NaN or infinite); export it again, or replace them by air."),
        _("The CTA in {file} was moved or hardened after it was registered; register it again."),
        _("The CTA is not a 3D scalar volume; select the CT angiogram for {cta}, and the run for {dsa}."),
        _("The CTA is under {transform!r}, which is not a linear transform; take it out from under it."),
        _(
            "The CTA shows no head: no space of a brain's size with bone around it; give a CT angiogram of the whole "
            "head in Hounsfield units, or a mask of its vessels with {cta_vessels}[; if its bones were taken out, "
            "set {volume_kind} to vessels]."
        ),
        _("The CTA shows no vessels, so there is no angle that shows one."),
        _("The DICOM files hold tags that cannot be copied; export them from the archive again."),
        _("The DSA has no frames; select a loaded angiographic run for {dsa}."),
        _(
            "The DSA has {rows} rows x {columns} columns, but its DICOM file says {file_rows} x {file_columns}; load "
            "the run again, and leave its size as it is."
        ),
        _("The DSA is not a run of equal grey frames; select a sequence of 2D frames for {dsa}."),
        _(
            "The DSA shows no vessels: nothing in it is darker than noise and motion; give a run with contrast, or "
            "{dsa_vessels}."
        ),
        _("The DSA's DICOM file is damaged and cannot be read; export it again."),
        _(
            "The Patient Position (0018,5100) {position} is not one of {known}; say how the patient lies with "
            "{initial_pose}."
        ),
        _("The X-ray for {dsa} is missing from the scene; load it again."),
        _(
            "The X-ray shows no contrast, and a rotational 3D angiogram no skull; give a run with filled vessels for "
            "{dsa}, or a CT of the head for {cta}."
        ),
        _("The X-ray shows no contrast, and the CTA no skull; give a run with filled vessels for {dsa}."),
        _(
            "The angiograms disagree about the Patient Position (0018,5100): {positions}; register runs of the "
            "unmoved patient together, others one by one."
        ),
        _("The checkpoint {file} is not there; choose another checkpoint, or none."),
        _("The detector must have at least one pixel, not {rows} rows x {columns} columns."),
        _("The disk of the output folder {file} is full; free some space[, or choose another for {field}]."),
        _("The fixed image has pixels that are not finite; mask them out."),
        _("The fixed image must be one 2D image, not an array of {shape}."),
        _(
            "The folder {file} holds no DICOM files; give the folder of a CT series, or an NRRD or NIfTI file, for "
            "{cta}."
        ),
        _("The folder {file} holds no angiogram; give an XA DICOM file or PNG frames for {dsa}."),
        _("The folder {file} holds {count} DICOM files; give one run for {dsa}."),
        _("The folder {file} holds {count} series: {series}; give a folder with one of them alone for {cta}."),
        _("The folder {file} holds {modalities} images and no CT; give a CT angiogram for {cta}."),
        _("The folder {file} is empty; give one that holds images for {field}."),
        _("The folder {file}, given for {cta}, holds 2D pictures; swap {cta} and {dsa} if it is the angiogram."),
        _("The folder {file}, given for {cta}, holds a 2D angiogram; swap {cta} and {dsa}."),
        _("The frames in the folder {file} differ in size; give the frames of one run for {dsa}."),
        _(
            "The frames of the DSA are of {size} pixels, its valid part of {valid}, and its C-arm's detector of "
            "{detector} (rows x columns); give {dsa} and {carm} of one size."
        ),
        _(
            "The frames of the DSA must be real numbers in three dimensions (frames, rows, columns); give another "
            "array for {dsa}."
        ),
        _("The images cannot be written to the temporary folder; make room on its disk."),
        _("The images cannot be written; is the disk full, or the folder read-only?"),
        _("The initializer's corrections are not finite numbers; choose another checkpoint, or none."),
        _(
            "The isocentre ({sid_mm:.0f} mm from the source) is not between source and detector ({sdd_mm:.0f} mm); "
            "correct {sid} or {sdd}."
        ),
        _("The landmarks fit at no pose between source and detector; check that the pairs belong together."),
        _("The marked node has no point yet; place one on a vessel."),
        _(
            "The mask of the CTA's vessels covers nothing brighter than tissue; check that {cta_vessels} belongs to "
            "{cta}."
        ),
        _(
            "The mask of the fixed image is {mask_shape} but the image {shape} (rows, columns); give one of the "
            "image's size."
        ),
        _("The mask of the fixed image leaves no pixel to compare; give one that is not empty."),
        _("The output folder {file} cannot be written ({reason}); choose another for {output}."),
        _(
            "The place of the CTA in the patient must be a 4 x 4 matrix of numbers that takes voxel indices to mm "
            "(RAS), with 0 0 0 1 in its last row; give another matrix for {cta}."
        ),
        _("The point {place} is {distance_mm:.0f} mm from the nearest vessel of the CTA; give one on a vessel."),
        _("The points are the same place of one vessel; give them farther apart, or one alone."),
        _("The preset {name} comes with the program; type in another name."),
        _("The published method compares vessels, and {cta} and {dsa} do not both show them; choose default."),
        _("The registration failed because of a mistake in DeepIterReg ({exception} in {place}); please report it."),
        _(
            "The registration's process cannot be started; restart the application, and if that does not help, "
            "install it and the extension again."
        ),
        _("The registration's process did not answer for {seconds:.0f} s and was ended; press Register to try again."),
        _("The registration's process ended, perhaps because the memory ran out; press Register to try again."),
        _("The registration's process gave an answer that makes no sense; press Register to try again."),
        _("The registration's process is of another version of DeepIterReg; restart the application."),
        _("The registration's report cannot be read from the scene; register again."),
        _("The same DSA was given twice; select two runs of the unmoved patient, or one."),
        _("The seed is {given!r}; give an integer of at least 0."),
        _(
            "The segmentation has no segment whose name says that it is a vein; rename it, for example to veins, or "
            "select another segmentation for {cta_veins}."
        ),
        _(
            "The series in {file} has unevenly spaced slices: {gap_mm:.2f} mm after slice {slice} of {count} where "
            "the others are {step_mm:.2f} mm apart; export the whole series again."
        ),
        _(
            "The series in {file} holds several slices at the same position (time points or reconstructions); give "
            "one of them alone for {cta}."
        ),
        _(
            "The series in {file} holds {count} phases, scans or reconstructions of the same head, which differ in "
            "{tag}: {sizes} slices; export the one with the most contrast alone for {cta}."
        ),
        _(
            "The series in {file} is missing slices: {gap_mm:.2f} mm after slice {slice} of {count} where the others "
            "are {step_mm:.2f} mm apart; export the whole series again."
        ),
        _(
            "The slices in {file} are shifted against each other (their Image Position (0020,0032) does not lie on a "
            "line); export one series with one field of view."
        ),
        _(
            "The slices in {file} are shifted against each other as by a gantry tilted by {tilt_deg:.0f} degrees, "
            "which none can be; export the series again."
        ),
        _("The slices in {file} differ in size, pixel spacing or orientation; give one series."),
        _(
            "The slices in {file} have an Image Orientation (0020,0037) that is not two orthogonal unit vectors; "
            "export the series again."
        ),
        _(
            "The target {name} (point {number}) lies outside the CTA at R {r:.1f}, A {a:.1f}, S {s:.1f} mm; place it "
            "on a vessel of this CTA[, in {targets}]."
        ),
        _("The transform of the CTA is not linear; give a rigid (rotation and translation) one."),
        _("The transform “{name}” is not linear; choose a rigid one."),
        _("The vessel at {place} is too short to have a direction; give a point farther from its end, or several."),
        _("The vessels and the veins of the CTA are the same label map; select two, or leave out {cta_veins}."),
        _("The vessels of the CTA are missing from the scene; register again."),
        _(
            "The voxels of the CTA must be real numbers in three dimensions, not {shape} of the type {type}; give "
            "another array for {cta}."
        ),
        _("There are no results {file} in {folder}."),
        _("There are no terms {given!r}; choose vessels, skull or both."),
        _("There are {count} different landmarks; place at least {least} in both CTA and DSA."),
        _("There is no C-arm preset {name}; those there are: {known}."),
        _("There is no DSA; select an angiographic run for {dsa}."),
        _("There is no angiogram; give a run as {dsa}."),
        _("There is no device {device_name!r}; choose auto, cpu or cuda."),
        _("There is no device {given!r}; choose auto, cpu or cuda."),
        _("There is no distance and no pixel size yet to be kept as a preset."),
        _("There is no kind of volume {kind!r}; it is cta, vessels or 3dra."),
        _("There is no kind of volume {kind!r}; set {volume_kind} to auto, cta, vessels or 3dra."),
        _("There is no method {given!r}; choose default or published."),
        _("There is no similarity {name}; choose one of {names}."),
        _("There is not enough memory for the registration; close other programs, or crop the CTA to the head."),
        _("There is only one transform to look at; choose two that differ."),
        _("Two commands at once would spoil an output folder, and nothing keeps them apart; install filelock."),
        _("Type in a name for the preset."),
        _("Write what the C-arm reaches as in {example}."),
        _("how the image is turned"),
        _("it must lie between {low} and {high}."),
        _("projection_matrix and pixel_spacing_mm disagree about the pixel's aspect ratio."),
        _("projection_matrix has sheared pixels; calibrate with zero skew."),
        _("projection_matrix is singular: it has no X-ray source."),
        _("projection_matrix must be 3x4 finite numbers."),
        _("the C-arm's geometry"),
        _("the C-arm's preset"),
        _("the CTA"),
        _("the DSA"),
        _("the arteries of a simulated patient"),
        _("the device"),
        _("the initializer's checkpoint"),
        _("the kind of volume"),
        _("the mask of the CTA's veins"),
        _("the mask of the CTA's vessels"),
        _("the mask of the DSA's veins"),
        _("the mask of the DSA's vessels"),
        _("the method"),
        _("the output folder"),
        _("the pixel size at the detector"),
        _("the primary angle (LAO/RAO)"),
        _("the reference pose"),
        _("the secondary angle (cranial/caudal)"),
        _("the similarity"),
        _("the skull of a simulated patient"),
        _("the source-to-detector distance"),
        _("the source-to-isocentre distance"),
        _("the starting pose"),
        _("the targets"),
        _("the terms"),
        _("write a number of millimetres."),
        _("write it as in {example}."),
        _("write {positive} or {negative} with the angle."),
        _("{carm} is given as a whole; leave out {parts}."),
        _(
            "{count} images in {file} have no Image Position (0020,0032), Image Orientation (0020,0037) or Pixel "
            "Spacing (0028,0030); export the series again."
        ),
        _("{dsa_vessels} marks no pixel; mark the vessels with values above 0, or leave it out."),
        _("{field} cannot be turned into voxels; make a label map of it in the Segmentations module."),
        _("{field} has no image in it; select another one, or none."),
        _("{field} has no visible segment; show those that count, or select none."),
        _("{field} has no voxels; select another one, or none."),
        _("{field} has {size} pixels, but the DSA has {columns} x {rows}; select one of the DSA's size, or none."),
        _("{field} has {size} pixels, but the DSA has {dsa_size}; both must have the same size."),
        _("{field} has {size} voxels, but the CTA has {cta_size}; it must be drawn on the CTA."),
        _("{field} is under a transform that is not linear; take it out from under it."),
        _("{field} marks no pixel; select another one, or none."),
        _("{field} marks no voxel; draw the vessels in it, or leave it out to have them found."),
        _("{field} marks nothing in the CTA; select one that was drawn on it, or none."),
        _(
            "{field} must be a file, a folder or a {kind} (which says where its pixels are), not {type}; give one of "
            "those."
        ),
        _("{field} must be an array of 0 and 1 or a file; give another one, or leave it out."),
        _("{file} announces {announced} frames and describes {held}; export it again."),
        _("{file} announces {announced} frames, more than any run or volume has; export it again."),
        _("{file} cannot be read (permission denied); give a readable one for {field}."),
        _("{file} cannot be read ({reason}); choose another checkpoint, or none."),
        _("{file} cannot be read ({reason}); give a readable file for {carm}."),
        _("{file} cannot be read ({reason}); give another file."),
        _(
            "{file} cannot be read as a transform; give an ITK transform file (.tfm, .txt, .h5, .mat, .xfm) for "
            "{field}."
        ),
        _("{file} cannot be read as text; give Slicer's Markups (.mrk.json) or a table (.csv)[ as {targets}]."),
        _("{file} cannot be read: {reason}."),
        _("{file} cannot be written; give a folder that exists and is not read-only."),
        _("{file} cannot be written; give a folder you may write to and the ending .tfm, .txt, .h5 or .mat."),
        _("{file} cannot be written; is the disk full, or the folder read-only?"),
        _("{file} does not exist or is not a file; give an ITK transform file (.tfm, .h5) for {field}."),
        _("{file} does not exist or is not a file; give an existing JSON file for {carm}."),
        _("{file} does not exist; give an existing file or folder for {field}."),
        _(
            "{file} does not say how it lies in the patient (neither sform nor qform), so left and right are "
            "unknown; convert it again from DICOM for {field}."
        ),
        _("{file} does not say how large its image is; export it again."),
        _("{file} ends too early: parameters or the last line break are missing; save it again."),
        _(
            "{file} has a Field of View Rotation (0018,7032) of {rotation_deg:g} degrees, which is not by right "
            "angles; export the run as it was acquired[, or give {carm}]."
        ),
        _("{file} has a comparison {number}, which the test does not have; save it again from the page."),
        _("{file} has a comparison “{number}”, which is not a number; save it again."),
        _("{file} has a place in the patient that is no number; export it again."),
        _(
            "{file} has a voxel size of {spacing_mm:g} mm, outside {low:g} to {high:g} mm; export it again with its "
            "spacing."
        ),
        _("{file} has a {tag} that cannot be read; give {field}."),
        _(
            "{file} has an sform and a qform that mirror each other, so left and right are unknown; convert it again "
            "from DICOM for {field}."
        ),
        _(
            "{file} has an sform that stretches the head (as the registration to an atlas leaves it) or contradicts "
            "its voxel size (pixdim); convert it again from DICOM for {field}."
        ),
        _(
            "{file} has axes that are sheared or not independent (as a tilted gantry leaves them); resample it onto "
            "an orthogonal grid."
        ),
        _("{file} has comparison {number} twice; save it again."),
        _("{file} has functional groups that cannot be read; export it again."),
        _("{file} has no header that names its columns; begin with name,R,A,S or name,L,P,S (mm)."),
        _("{file} has no {keys} (or projection_matrix instead of the first four); add what is missing."),
        _("{file} has no {keys}; add what is missing."),
        _(
            "{file} has no {tags}; give {missing} (its Field of View (0018,1149) would make the pixel {pixel_mm:.4g} "
            "mm)[, or {carm} as a whole]."
        ),
        _("{file} has no {tags}; give {missing}[, or {carm} as a whole]."),
        _("{file} has not the columns of C-arm presets; write {columns} into its first line."),
        _(
            "{file} has only {slices} slices ({size} voxels), too few for a head; give the whole CT angiogram, and "
            "if this is the DSA, swap {cta} and {dsa}."
        ),
        _(
            "{file} has pixel data ({syntax}) that are truncated or cannot be decoded; export it again, uncompressed "
            "if need be, for {dsa}."
        ),
        _("{file} has pixel data that are truncated or cannot be decoded; export it again, uncompressed if need be."),
        _("{file} has several values per voxel (colours or vectors); give an image with one for {cta}."),
        _("{file} has several values per voxel; give frames whose third axis is time for {dsa}."),
        _("{file} has sheared axes; resample it onto an orthogonal grid."),
        _("{file} has the same value in every voxel ({value:g}); give another file for {cta}."),
        _("{file} has the target {name} more than once; give each its own name."),
        _("{file} has two C-arm presets {name}; rename one."),
        _("{file} has unknown keys ({unknown}); those of a C-arm's file are {known}."),
        _("{file} has {channels} values per voxel; {field} must have one."),
        _(
            "{file} has {found} values of {tag} for {count} frames, so nothing says how its geometry changes; export "
            "the whole run, or give a single frame of it."
        ),
        _(
            "{file} has {given} of {count} answers (comparison {missing} is missing); finish the page and save them "
            "again."
        ),
        _("{file} has {key} {number}, but the image has {wanted} {key}; give {carm} of this image."),
        _(
            "{file} has {rows} rows x {columns} columns, but the detector of {carm} has {carm_rows} x "
            "{carm_columns}; give the C-arm of this image."
        ),
        _("{file} has {tag} for {held} of its {count} frames alone; export it again."),
        _("{file} has {tag} in a form that cannot be read; export it again."),
        _("{file} has {tag} of {value} {unit}, outside {low:g} to {high:g} {unit}; give {field}."),
        _("{file} has {tag} of {value}, which is not a number; export it again."),
        _("{file} has {tag} of {value}, which is not a whole number; export it again."),
        _("{file} has {tag} of {value}, which should be {count} number(s); export it again."),
        _("{file} holds 8-bit grey values (0 to 255), not Hounsfield units; export the CTA again without windowing."),
        _("{file} holds Hounsfield units with soft tissue, not the vessels alone; set {volume_kind} to {right_kind}."),
        _(
            "{file} holds another network: {count} tensors differ in name or shape, the first is {first}; choose "
            "another checkpoint, or none."
        ),
        _("{file} holds answers of another blind test than the key; give the files of the same test."),
        _(
            "{file} holds no answers of a blind comparison; give the CSV or JSON file that its page, or the CSV file "
            "that the panel saved."
        ),
        _("{file} holds no image (truncated?); give an XA DICOM file, NRRD, NIfTI or PNG frames for {dsa}."),
        _(
            "{file} holds no registration of this software; give the scene.mrb of a registration, or a scene that "
            "the panel saved."
        ),
        _("{file} holds no target; place at least one point."),
        _("{file} holds numbers that are not finite, the first in {first}; train it again."),
        _("{file} holds only {count} CT slices, too few for a head; give the whole series."),
        _("{file} holds parameters that are not numbers; save it again."),
        _("{file} holds pixels that are not numbers (NaN or infinite); export it again."),
        _(
            "{file} holds single frames of more than one run (Instance Numbers (0020,0013) occur more than once); "
            "give a folder with the frames of one run for {dsa}."
        ),
        _("{file} holds the network {network}, this DeepIterReg knows {known}; choose another checkpoint, or none."),
        _(
            "{file} holds values from {low:g} to {high:g} that are not Hounsfield units of a head (an MR?); give a "
            "CTA in Hounsfield units[, or, if it is a rotational 3D angiogram, set {volume_kind} to 3dra]."
        ),
        _("{file} holds values that are not numbers (NaN or infinite); export it again, or replace them by air."),
        _("{file} holds values that are not numbers (NaN); {field} must hold 0 and 1."),
        _(
            "{file} holds vessels alone and no soft tissue, which a CTA in Hounsfield units has[; if it is a "
            "rotational 3D angiogram, set {volume_kind} to 3dra, or to vessels if they were cut out of a CTA]."
        ),
        _("{file} holds {count} registered CTAs; save a scene with one of them."),
        _("{file} holds {count} targets; give at most {most}."),
        _("{file} is 4D ({count} time points); export the one with the most contrast for {cta}."),
        _(
            "{file} is a PyTorch file, which may run code when it is read; give a .safetensors file that "
            "`deepiterreg train` has written."
        ),
        _("{file} is a colour picture of a screen; give the X-ray frames themselves for {dsa}."),
        _(
            "{file} is a label map (whole numbers from 0 to {high}), not a CT; give the CT angiogram for {cta}, and "
            "this as {cta_vessels}, if it marks them."
        ),
        _("{file} is a mask of the CTA's size in another place; resample {field} onto the CTA (nearest neighbour)."),
        _(
            "{file} is a mask of {size} pixels, but the DSA has {rows} rows x {columns} columns; {field} must have "
            "the DSA's size."
        ),
        _(
            "{file} is a mask of {size} voxels on another grid than the CTA's {cta_size}; resample {field} onto the "
            "CTA (nearest neighbour)."
        ),
        _("{file} is a picture in colours from a palette; give the X-ray frames themselves for {dsa}."),
        _(
            "{file} is a rotational run (the Positioner angles change by {moved_deg:.1f} degrees); give a run from "
            "one C-arm position, or a single subtracted frame of this one."
        ),
        _("{file} is a safetensors file, but not one of DeepIterReg; choose another checkpoint, or none."),
        _("{file} is a single slice; give the folder with the whole series for {cta}."),
        _("{file} is all black; give an angiogram with contrast, or an X-ray of the head, for {dsa}."),
        _("{file} is an empty mask (all 0); mark the vessels, or leave out {field}."),
        _("{file} is black or shuttered almost everywhere; give a run that shows the head for {dsa}."),
        _("{file} is damaged or not a checkpoint of DeepIterReg; choose another checkpoint, or none."),
        _(
            "{file} is damaged: its tensors do not have the SHA-256 in its header; copy it again, or choose another "
            "checkpoint, or none."
        ),
        _("{file} is damaged; delete it, and load the sample data again."),
        _("{file} is empty (0 bytes); copy it again, or give another for {field}."),
        _("{file} is in colour; give grey X-ray frames for {dsa}."),
        _("{file} is neither Slicer's Markups (.mrk.json) nor a table (.csv); give one of the two[ as {targets}]."),
        _("{file} is no name for a scene; give one that ends in .mrb."),
        _("{file} is no name for a transform; give one that ends in .tfm or .h5."),
        _("{file} is no table of results; choose another output folder."),
        _("{file} is not a DICOM file; give an XA DICOM file, NRRD, NIfTI or PNG frames for {dsa}."),
        _("{file} is not a Markups file of Slicer: it has no list of markups; save the targets from Slicer again."),
        _("{file} is not a Slicer scene; give an .mrb file that Slicer or this command wrote."),
        _("{file} is not a folder; choose another for {output}."),
        _("{file} is not a linear 3D transform; give a rigid (rotation and translation) one for {field}."),
        _("{file} is not a text file; give another file."),
        _("{file} is not an image file that can be read; give NRRD, NIfTI or DICOM for {field}."),
        _("{file} is not the key of a blind test; give the blind_key.json written beside its page."),
        _(
            "{file} is the same grey ({grey:g}) everywhere; give an angiogram with contrast, or an X-ray of the "
            "head, for {dsa}."
        ),
        _("{file} is too large to be of a blind comparison; give another file."),
        _("{file} is too large to hold targets; give another one."),
        _("{file} is truncated or damaged and cannot be read; export it again."),
        _("{file} is truncated: it announces {announced} frames and holds {held}; export it again."),
        _("{file} is {dimensions}D; give frames whose third axis is time for {dsa}."),
        _("{file} is {dimensions}D; {field} must be 3D."),
        _(
            "{file} is {extent_mm:.0f} mm large, which no head is; give the whole CT angiogram with the right "
            "spacing, and if this is the DSA, swap {cta} and {dsa}."
        ),
        _("{file} marks only {count} of the DSA's pixels; mark whole vessels, or leave out {field}."),
        _("{file} marks only {volume_ml:.2g} ml; mark whole vessels, or leave out {field}."),
        _(
            "{file} marks {part:.0%} of the CTA, which no vessels fill; {field} must be 0 outside the vessels (the "
            "CTA itself is no mask)."
        ),
        _(
            "{file} names mask frame {frame} in Mask Frame Numbers (0028,6110) but has {count} frames; export the "
            "whole run."
        ),
        _("{file} says nothing about the C-arm; give {missing}[, or {carm} as a whole]."),
        _(
            "{file} shows neither contrast nor bone above the noise; give a run with filled vessels, or an X-ray of "
            "the head, for {dsa}."
        ),
        _("{file} was made by a newer DeepIterReg ({version}); update the extension."),
        _(
            "{file} was taken while the detector or the zoom moved (distance or pixel size change by "
            "{moved_percent:.0f} %); give a run of one geometry for {dsa}."
        ),
        _(
            "{file} was taken while the table moved (by {moved_mm:.0f} mm, Table Increments (0018,1135 to 1137) or "
            "Table Position (0018,9406)); give a run with the table at rest for {dsa}."
        ),
        _(
            "{file} was trained on windows of {size_px} pixels and {field_mm:g} mm, this DeepIterReg makes them of "
            "{own_px} pixels and {own_mm:g} mm; choose another checkpoint, or none."
        ),
        _(
            "{file}, given for {carm}, has a pixel_spacing_mm of {value}; give one positive number, or two in "
            "brackets (between rows and between columns), in mm."
        ),
        _(
            "{file}, given for {carm}, has a projection_matrix and a source and detector that contradict each other "
            "(by {apart_px:.3g} px); leave one of them out."
        ),
        _("{file}, given for {carm}, has a {key} that is not {shape} finite numbers; correct it."),
        _(
            "{file}, given for {carm}, has pixels of {pixel_mm:g} mm, outside {low:g} to {high:g} mm; correct "
            "pixel_spacing_mm in the file."
        ),
        _("{file}, given for {carm}, has {key} of {value}; give the detector's {key} as a positive whole number."),
        _("{file}, given for {carm}, is not a JSON object with the C-arm's numbers; correct it."),
        _("{file}, given for {carm}, is not valid JSON ({reason}); correct it."),
        _(
            "{file}, given for {carm}, puts the detector {distance_mm:.0f} mm from the source, outside {low:g} to "
            "{high:g} mm; correct {keys} in the file."
        ),
        _("{file}, given for {carm}: {reason}"),
        _("{file}, given for {cta}, is a 2D angiogram ({modality}); swap {cta} and {dsa}."),
        _(
            "{file}, given for {cta}, is a 2D image; give a 3D CT angiogram, and if this is the DSA, swap {cta} and "
            "{dsa}."
        ),
        _(
            "{file}, given for {cta}, is a 2D picture; give a 3D CT angiogram, and if this is the DSA, swap {cta} "
            "and {dsa}."
        ),
        _("{file}, given for {cta}, is not an image; give a CT angiogram."),
        _("{file}, given for {cta}, is {modality}, not CT; give a CT angiogram."),
        _("{file}, given for {dsa}, is a 3D volume; give a 2D run, and if this is the CTA, swap {cta} and {dsa}."),
        _("{file}, given for {dsa}, is a CT slice; swap {cta} and {dsa}."),
        _("{file}, given for {dsa}, is a slice of a 3D reconstruction; swap {cta} and {dsa}."),
        _("{file}, given for {dsa}, is an image of the modality {modality}; give an X-ray angiogram (XA)."),
        _("{file}, given for {field}, is truncated or damaged and cannot be read; copy or export it again."),
        _(
            "{file}: Distance Source to Patient (0018,1111) {sid_mm:g} mm is not less than Distance Source to "
            "Detector (0018,1110) {sdd_mm:g} mm, so the patient would be behind the detector; correct {sid} or {sdd}."
        ),
        _(
            "{file}: {image} has no Rescale Slope (0028,1053) and Intercept (0028,1052), which other slices have; "
            "export the series again."
        ),
        _("{given} values are given for {count} angiograms; give {field} once for each, in the same order."),
        _("{name} in the output folder {file} is a folder itself; choose another for {output}."),
        _("{number:g} {unit} is outside {low:g} to {high:g} {unit}; correct {field}."),
        _("{place}: a C-arm preset needs a name and the source of its values; write both."),
        _("{place}: of the angles reached, write all of {columns}, or none."),
        _("{place}: the isocentre would lie behind the detector; sid_mm must be less than sdd_mm."),
        _("{place}: {column} is {cell}; write a number with a point, or nothing."),
        _("{similarity} is chosen for the published method alone; leave it out, or choose published."),
        _("{terms} are chosen for the default method alone; leave them out, or choose default."),
        _("{what} cannot be read from the scene; register again."),
        _("{what} did not come from DICOM; load it with Slicer's DICOM module, register, and save it then."),
        _("{what} has a C-arm geometry that cannot be read; load the DSA again."),
        _("{what} is not a finite 4x4 rigid transform; give a rigid (rotation and translation) one[ for {field}]."),
        _("{what} scales, shears or mirrors; give a rigid (rotation and translation) transform[ for {field}]."),
        _("{what}'s DICOM file has no {tag}; export it from the archive again."),
        _("{what}'s DICOM file is damaged and cannot be read; import it again."),
        _("{what}'s DICOM files are not in Slicer's DICOM database; import them again."),
        _("“{first}” and “{second}” are the same transform; choose two that differ."),
    )
